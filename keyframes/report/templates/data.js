// What the page knows of the video, and what is pointed at.

const data = JSON.parse(document.getElementById("data").textContent);
const cards = [...document.querySelectorAll(".card")]; // by number: in frame order

// One entry for each candidate frame that is drawn.
const frames = {};
let nFrames;

function unpackFrames() {
  frames.time = unpack(data.times, Float32Array);
  frames.index = unpack(data.frames, Uint32Array);
  frames.cluster = unpack(data.clusters, Uint32Array);
  frames.standing = unpack(data.standing, Uint32Array); // number of the chosen frame that stands for it
  frames.x = unpack(data.x, Uint16Array);
  frames.y = unpack(data.y, Uint16Array);
  nFrames = frames.time.length;
}
unpackFrames();

function unpack(text, Kind) {
  return new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

// A card (number), or a drawn frame (row) with the card that stands for it, or nothing (null).
const pointed = { number: null, row: null, cluster: null };
const listeners = [];

function pointAtCard(number) {
  const row = number === null ? null : data.keyframes[number];
  announce(number, row, number === null ? null : Number(cards[number].dataset.cluster));
}

function pointAtFrame(row) {
  announce(frames.standing[row], row, frames.cluster[row]);
}

function announce(number, row, cluster) {
  if (number === pointed.number && row === pointed.row) return;
  Object.assign(pointed, { number, row, cluster });
  for (const listener of listeners) listener();
}

function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const total = Math.round(seconds * unit);
  const hours = Math.floor(total / (3600 * unit));
  const minutes = Math.floor(total / (60 * unit)) % 60;
  const rest = ((total % (60 * unit)) / unit).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

// The first row whose time is `time` or later.
function rowAtOrAfter(time) {
  let low = 0;
  let high = nFrames;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (frames.time[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function rowNearestInTime(time) {
  const after = Math.min(rowAtOrAfter(time), nFrames - 1);
  const before = Math.max(after - 1, 0);
  return time - frames.time[before] < frames.time[after] - time ? before : after;
}

// Call `draw(context, width, height, colours)` whenever the canvas must look different.
function keepDrawn(canvas, draw) {
  let waiting = false;
  const redraw = () => {
    waiting = false;
    const { width, height } = canvas.getBoundingClientRect();
    const sharpness = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * sharpness);
    canvas.height = Math.round(height * sharpness);
    const context = canvas.getContext("2d");
    context.scale(sharpness, sharpness);
    const style = getComputedStyle(canvas);
    const named = (name) => style.getPropertyValue(name).trim();
    draw(context, width, height, {
      ink: named("--ink"), soft: named("--soft"), line: named("--line"), page: named("--page"), font: style.fontFamily,
    });
  };
  const ask = () => {
    if (!waiting) requestAnimationFrame(redraw);
    waiting = true;
  };
  listeners.push(ask);
  new ResizeObserver(ask).observe(canvas);
  for (const medium of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(medium).addEventListener("change", redraw);
  }
  redraw();
  return ask;
}
