// All frames in their principal plane: what looks alike lies together.

const map = document.getElementById("map");
const MARGIN = 14;
const REACH = 28; // px within which the pointer finds a frame
const largest = (values) => values.reduce((a, b) => Math.max(a, b), 0);
const widest = { x: largest(frames.x), y: largest(frames.y) };
let mapColour = "cluster";
let places = { x: (row) => 0, y: (row) => 0 };

const colourings = {
  cluster: (row) => data.colours[frames.cluster[row]],
  time: (row) => data.ramp[Math.min(data.ramp.length - 1, Math.floor((frames.time[row] / duration) * data.ramp.length))],
};

const redrawMap = keepDrawn(map, (context, width, height, colours) => {
  const scale = Math.min((width - 2 * MARGIN) / Math.max(1, widest.x), (height - 2 * MARGIN) / Math.max(1, widest.y));
  const left = (width - scale * widest.x) / 2;
  const top = (height - scale * widest.y) / 2;
  places = { x: (row) => left + scale * frames.x[row], y: (row) => top + scale * frames.y[row] };
  const colourOf = colourings[mapColour];
  const size = nFrames > 8000 ? 2 : nFrames > 3000 ? 3 : 4;
  const dots = (rows, alpha) => {
    context.globalAlpha = alpha;
    for (const row of rows) {
      context.fillStyle = colourOf(row);
      context.beginPath();
      context.arc(places.x(row), places.y(row), size / 2, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
  };
  if (pointed.cluster === null) dots(frames.x.keys(), 0.7);
  else {
    const inCluster = (row) => frames.cluster[row] === pointed.cluster;
    const rows = [...frames.x.keys()];
    dots(rows.filter((row) => !inCluster(row)), 0.18);
    dots(rows.filter(inCluster), 1);
  }
  const ring = (row, radius) => {
    context.beginPath();
    context.arc(places.x(row), places.y(row), radius, 0, 2 * Math.PI);
    context.fillStyle = colourOf(row);
    context.fill();
    context.lineWidth = 4;
    context.strokeStyle = colours.page;
    context.stroke();
    context.lineWidth = 1.75;
    context.strokeStyle = colours.ink;
    context.stroke();
  };
  for (const row of data.keyframes) ring(row, cards.length > 60 ? 3.5 : 5);
  if (pointed.number !== null) ring(data.keyframes[pointed.number], 8);
});

function rowNear(event) {
  const bounds = map.getBoundingClientRect();
  let best = null;
  let least = REACH ** 2;
  for (let row = 0; row < nFrames; row++) {
    const squared = (places.x(row) - event.clientX + bounds.left) ** 2 + (places.y(row) - event.clientY + bounds.top) ** 2;
    if (squared < least) [best, least] = [row, squared];
  }
  return best;
}

map.addEventListener("pointermove", (event) => {
  const row = rowNear(event);
  if (row === null) hideHint();
  else {
    pointAtFrame(row);
    showHint(event.clientX, event.clientY);
  }
});
map.addEventListener("pointerleave", hideHint);
map.addEventListener("click", (event) => {
  const row = rowNear(event);
  if (row !== null) reveal(frames.standing[row]);
});

const colourButtons = document.querySelectorAll("[data-colour]");
for (const button of colourButtons) {
  button.addEventListener("click", () => {
    press(colourButtons, button);
    mapColour = button.dataset.colour;
    redrawMap();
  });
}
