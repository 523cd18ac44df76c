// The whole video from left to right, coloured by cluster; chosen frames are pinned above.

const timeline = document.getElementById("timeline");
const PIN = 9; // px from the top: the heads of the pins, then the strip, then the axis
const STRIP = { top: 20, height: 34 };
const EDGE = 8;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800];
const duration = Math.max(data.duration, frames.time[nFrames - 1], 1e-9);
const usualGap = nFrames > 1 ? (frames.time[nFrames - 1] - frames.time[0]) / (nFrames - 1) : duration;

keepDrawn(timeline, (context, width, height, colours) => {
  const place = (time) => EDGE + (time / duration) * (width - 2 * EDGE);
  context.fillStyle = colours.line;
  context.fillRect(EDGE, STRIP.top, width - 2 * EDGE, STRIP.height);
  if (data.is_list) drawTicks(context, place);
  else drawStrip(context, width);
  drawAxis(context, width, height, place, colours);
  drawPins(context, width, place, colours);
});

// Each column has the colour that most of its frames have; of a cluster that is pointed at, every
// frame is seen.
function drawStrip(context, width) {
  const perPixel = duration / (width - 2 * EDGE);
  const columns = Math.ceil(width - 2 * EDGE);
  const clusterIn = (column) => {
    const first = rowAtOrAfter(column * perPixel);
    const end = rowAtOrAfter((column + 1) * perPixel);
    return end > first ? mostFrequent(first, end) : clusterBefore(first, column * perPixel);
  };
  let start = 0;
  let cluster = clusterIn(start);
  for (let column = 1; column <= columns; column++) {
    const next = column < columns ? clusterIn(column) : null;
    if (next === cluster) continue;
    if (cluster !== null) paint(context, cluster, EDGE + start, EDGE + column);
    [start, cluster] = [column, next];
  }
}

// Of what lies between listed frames nothing is known.
function drawTicks(context, place) {
  for (const [row, time] of frames.time.entries()) paint(context, frames.cluster[row], place(time) - 1.5, place(time) + 1.5);
}

// From one whole pixel of the screen to another: what lies side by side leaves no seam.
function paint(context, cluster, ...ends) {
  const sharpness = context.getTransform().a;
  const [left, right] = ends.map((end) => Math.round(end * sharpness) / sharpness);
  context.globalAlpha = pointed.cluster === null || cluster === pointed.cluster ? 1 : 0.22;
  context.fillStyle = data.colours[cluster];
  context.fillRect(left, STRIP.top, right - left, STRIP.height);
  context.globalAlpha = 1;
}

function mostFrequent(first, end) {
  const counts = new Map();
  let best = frames.cluster[first];
  for (let row = first; row < end; row++) {
    const cluster = frames.cluster[row];
    if (cluster === pointed.cluster) return cluster;
    counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
    if (counts.get(cluster) > counts.get(best)) best = cluster;
  }
  return best;
}

// Between two frames the earlier one is on the screen; far from any, the video was not looked at.
function clusterBefore(after, time) {
  if (after === 0 || time - frames.time[after - 1] > 3 * usualGap) return null;
  return frames.cluster[after - 1];
}

function drawAxis(context, width, height, place, colours) {
  const step = TICKS.find((tick) => place(tick) - place(0) >= 72) ?? TICKS.at(-1);
  context.font = `12px ${colours.font}`;
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillStyle = colours.soft;
  for (let i = 0; i * step <= duration; i++) {
    const text = clock(i * step, step < 1 ? 1 : 0);
    const half = context.measureText(text).width / 2;
    const x = Math.min(Math.max(place(i * step), half), width - half);
    context.fillRect(place(i * step) - 0.5, STRIP.top + STRIP.height, 1, 4);
    context.fillText(text, x, height - 1);
  }
}

function drawPins(context, width, place, colours) {
  const radius = Math.min(4.5, (0.4 * (width - 2 * EDGE)) / cards.length);
  const pin = (row, size, depth) => {
    const x = place(frames.time[row]);
    context.fillStyle = colours.ink;
    context.fillRect(x - 0.5, PIN, 1, depth - PIN);
    if (size < 2.5) return; // too dense for heads
    context.beginPath();
    context.arc(x, PIN, size, 0, 2 * Math.PI);
    context.fillStyle = data.colours[frames.cluster[row]];
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = colours.ink;
    context.stroke();
  };
  for (const row of data.keyframes) pin(row, radius, STRIP.top);
  if (pointed.number === null) return;
  const chosen = data.keyframes[pointed.number];
  pin(chosen, 7.5, STRIP.top + STRIP.height);
  if (pointed.row !== chosen) {
    context.fillStyle = colours.ink;
    context.fillRect(place(frames.time[pointed.row]) - 0.5, STRIP.top - 3, 1, STRIP.height + 6);
  }
}

function rowUnder(event) {
  const { left, width } = timeline.getBoundingClientRect();
  return rowNearestInTime(((event.clientX - left - EDGE) / (width - 2 * EDGE)) * duration);
}

timeline.addEventListener("pointermove", (event) => {
  moveCursor(rowUnder(event));
  showHint(event.clientX, timeline.getBoundingClientRect().bottom);
});
timeline.addEventListener("pointerleave", hideHint);
timeline.addEventListener("click", (event) => reveal(frames.standing[rowUnder(event)]));

// By keyboard the timeline is a slider.
let cursor = 0;

function moveCursor(row) {
  cursor = Math.min(Math.max(row, 0), nFrames - 1);
  pointAtFrame(cursor);
  timeline.setAttribute("aria-valuenow", cursor);
  timeline.setAttribute("aria-valuetext", describeFrame(cursor));
}

timeline.addEventListener("keydown", (event) => {
  const page = Math.max(1, Math.round(nFrames / 20));
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -page, PageUp: page, Home: -cursor, End: nFrames };
  if (event.key !== "Enter" && !(event.key in moves)) return;
  event.preventDefault(); // Enter would press the card that it goes to
  if (event.key === "Enter") reveal(frames.standing[cursor]);
  else {
    moveCursor(cursor + moves[event.key]);
    const { left, width, bottom } = timeline.getBoundingClientRect();
    showHint(left + EDGE + (frames.time[cursor] / duration) * (width - 2 * EDGE), bottom);
  }
});
timeline.addEventListener("blur", hideHint);
