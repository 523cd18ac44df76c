// A person decides: reject, swap, add, undo. The server does it and sends the page anew; what is
// different is taken over, so that nothing that stays moves.

const desk = document.querySelector(".desk");
const pickedBox = desk.querySelector(".picked");
const others = document.getElementById("others");
const undoButtons = document.querySelectorAll("[data-do=undo]");
const REST = 160; // ms that the cursor has to rest before a frame is fetched
let busy = false;
let picked = null; // row of the frame that was clicked on the timeline or the map

const frameOf = (number) => frames.index[data.keyframes[number]];
const jpegOf = (frame) => `frames/${frame}.jpg`;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function say(text, { bad = false } = {}) {
  for (const line of document.querySelectorAll(".said")) {
    line.textContent = text;
    line.classList.toggle("bad", bad);
  }
}

async function ask(path, options) {
  const reply = await fetch(path, options).catch(() => null);
  if (!reply) throw new Error("No answer: is keyframes review still running?");
  if (!reply.ok) throw Object.assign(new Error(await reply.text()), { status: reply.status });
  return reply;
}

// --- Changes ---

async function change(action, changed, leaving = null) {
  if (busy) return;
  busy = true;
  endQuestions();
  const item = leaving === null ? null : cards[leaving].parentElement;
  item?.classList.add("leaving");
  say("Saving …");
  try {
    const reply = await ask("changes", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ action, frames: changed }),
    });
    const outcome = await reply.json();
    takeOver(outcome.page, outcome.frame, leaving);
    say([outcome.said, ...outcome.warnings].join(" "), { bad: outcome.warnings.length > 0 });
  } catch (error) {
    item?.classList.remove("leaving");
    if (error.status === 409) await catchUp();
    say(error.message, { bad: true });
  } finally {
    busy = false;
  }
}

// What is refused may have been changed by another window or program: show what is there now.
async function catchUp() {
  const reply = await ask("./").catch(() => null);
  if (reply) takeOver(await reply.text());
}

function takeOver(page, frame = null, leaving = null) {
  const fresh = new DOMParser().parseFromString(page, "text/html");
  const looked = viewer.open ? frameOf(viewed) : null;
  const pickedTime = frames.time[picked];
  Object.assign(data, JSON.parse(fresh.getElementById("data").textContent));
  unpackFrames(); // of a very long video others may be drawn now
  fullSizeThere = true;
  if (picked !== null) picked = rowNearestInTime(pickedTime);
  document.title = fresh.title;
  document.querySelector(".top").replaceWith(fresh.querySelector(".top"));
  takeOverSections(fresh);
  const { disabled, title } = fresh.querySelector("[data-do=undo]");
  for (const button of undoButtons) Object.assign(button, { disabled, title });
  takeOverWall(fresh.getElementById("wall"), leaving !== null);
  if (picked !== null) showPicked();
  hideHint();
  const under = wall.querySelector(".card:hover"); // of a pointer that rests nothing is heard
  if (under) pointAtCard(Number(under.dataset.number));
  for (const listener of listeners) listener();
  const near = viewer.open ? viewed : leaving;
  const known = numberOf(frame ?? looked);
  const number = known < 0 && near !== null ? Math.min(near, cards.length - 1) : known;
  if (viewer.open) showInViewer(number);
  else if (number >= 0) focusCard(number);
}

const numberOf = (frame) => cards.findIndex((_, number) => frameOf(number) === frame);

function takeOverSections(fresh) {
  const [old, updated] = [document, fresh].map((page) => [...page.querySelectorAll(".sections > section")]);
  for (const [at, section] of old.entries()) {
    const command = section.querySelector("#command");
    if (command) command.textContent = updated[at].querySelector("#command").textContent; // its button is listened to
    else section.replaceWith(updated[at]);
  }
}

// What stays keeps its element; a frame that comes instead of another takes its very place.
function takeOverWall(fresh, isExchange) {
  const gone = new Map(cards.map((card) => [card.dataset.file, card.parentElement]));
  const arrived = [];
  const items = [...fresh.children].map((item) => {
    const card = item.querySelector(".card");
    const known = gone.get(card.dataset.file);
    if (!known) {
      arrived.push(item);
      listenTo(card);
      return item;
    }
    gone.delete(card.dataset.file);
    known.classList.remove("arrived", "leaving");
    const kept = known.querySelector(".card");
    Object.assign(kept.dataset, card.dataset);
    kept.lastElementChild.replaceWith(card.lastElementChild); // it may stand for more frames now, or fewer
    return known;
  });
  cards.splice(0, cards.length, ...items.map((item) => item.querySelector(".card")));
  wall.className = fresh.className;
  const left = [...gone.values()];
  if (isExchange && left.length === 1 && arrived.length === 1) left[0].replaceWith(arrived[0]);
  else {
    for (const item of left) item.remove();
    if (arrived.length) sortWall(wall.dataset.by ?? "time");
  }
  for (const item of arrived) item.classList.add("arrived");
}

function focusCard(number) {
  makeTabStop(cards[number]);
  cards[number].focus({ preventScroll: true });
  cards[number].scrollIntoView({ block: "nearest" });
}

// --- What a key or button is about ---

const cursorIsOnFrame = () => !hint.hidden;

function targetNumber() {
  if (viewer.open) return viewed;
  if (cursorIsOnFrame()) return null; // of the timeline or the map: no keyframe is meant
  const focused = document.activeElement.closest(".card");
  return pointed.number ?? (focused ? Number(focused.dataset.number) : null);
}

const actions = {
  reject(number = targetNumber()) {
    if (number === null) say("Point at a chosen frame to reject it.");
    else change("reject", [frameOf(number)], number);
  },
  async compare(number = targetNumber()) {
    if (number === null) return say("Point at a chosen frame to see what could stand in for it.");
    if (!viewer.open) showInViewer(number);
    await shown;
    others.querySelector("button")?.focus();
  },
  add() {
    const row = cursorIsOnFrame() && !viewer.open ? pointed.row : picked;
    if (row === null) say("Point at a frame on the timeline to add it.");
    else change("add", [frames.index[row]]);
  },
  undo() {
    if (undoButtons[0].disabled) say("Nothing is left to undo.");
    else change("undo", []);
  },
};
const keys = { r: "reject", s: "compare", a: "add", u: "undo" };

// Where the letters aren't Latin, the key counts that has the letter on other keyboards.
const letterOn = ({ key, code }) => (key > "~" ? code.replace("Key", "") : key).toLowerCase();

document.addEventListener("keydown", (event) => {
  const action = keys[letterOn(event)];
  if (!action || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[action]();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const card = button.closest("li")?.querySelector(".card");
  actions[button.dataset.do](card ? Number(card.dataset.number) : undefined);
});

// --- The frame under the cursor ---

let resting = 0;

// A cursor that rests shows the frame itself, not only the chosen one that stands for it.
function lookCloser() {
  clearTimeout(resting);
  const row = pointed.row;
  if (!cursorIsOnFrame() || row === null || row === data.keyframes[pointed.number]) return;
  resting = setTimeout(async () => {
    const picture = new Image();
    picture.src = jpegOf(frames.index[row]);
    await picture.decode().catch(() => {}); // then the hint stays as it is
    if (!picture.naturalWidth || pointed.row !== row || !cursorIsOnFrame()) return;
    hint.querySelector("img").src = picture.src;
    hint.querySelector("p").textContent = `Frame ${frames.index[row]}, ${clock(frames.time[row])}: A adds it`;
  }, REST);
}

function pick(row) {
  picked = row;
  showPicked();
}

function showPicked() {
  const frame = frames.index[picked];
  const isChosen = data.keyframes.includes(picked);
  const name = document.createElement("b");
  name.textContent = `Frame ${frame}`;
  pickedBox.querySelector("p").replaceChildren(name, ` ${clock(frames.time[picked])}${isChosen ? ": chosen" : ""}`);
  pickedBox.querySelector("img").src = jpegOf(frame);
  pickedBox.querySelector("button").disabled = isChosen;
  pickedBox.hidden = false;
}

timeline.addEventListener("pointermove", lookCloser);
timeline.addEventListener("keydown", lookCloser);
timeline.addEventListener("click", (event) => pick(rowUnder(event)));
map.addEventListener("pointermove", lookCloser);
map.addEventListener("click", (event) => {
  const row = rowNear(event);
  if (row !== null) pick(row);
});

// --- Frames that could stand in, beneath the enlarged one ---

let shown = Promise.resolve(); // settled once they are there
let questions = new AbortController();

// Soon the frame may be no keyframe, and what was asked about it would have no answer.
function endQuestions() {
  questions.abort();
  questions = new AbortController();
  giveUpFullSize();
}

viewer.addEventListener("show", () => {
  const line = viewer.querySelector(".said"); // what it says is about another frame
  line.textContent = "";
  line.classList.remove("bad");
  shown = showOthers(viewed);
});

async function showOthers(number) {
  const isMeant = () => viewer.open && viewed === number && frameOf(viewed) === frame;
  const frame = frameOf(number);
  const places = Array.from({ length: Number(others.dataset.size) }, () => makePlace());
  const hadFocus = others.contains(document.activeElement);
  others.replaceChildren(...places);
  if (hadFocus || document.activeElement === document.body) viewer.querySelector("figure").focus(); // where Enter does nothing
  document.getElementById("others-said").textContent = "Could stand in for it";
  await pause(REST); // who walks on quickly needs none
  if (!isMeant() || busy) return;
  const { signal } = questions;
  try {
    const { candidates } = await (await ask(`candidates/${frame}`, { signal })).json();
    if (!isMeant()) return;
    for (const [at, candidate] of candidates.entries()) fillPlace(places[at], candidate, number);
    for (const place of places.slice(candidates.length)) place.firstChild.classList.remove("waiting");
    if (!candidates.length) document.getElementById("others-said").textContent = "No other frame can stand in for it.";
  } catch (error) {
    if (!isMeant() || signal.aborted) return;
    if (error.status === 404) await catchUp(); // it is no keyframe any more
    say(error.message, { bad: true });
  }
}

function makePlace() {
  const place = document.createElement("li");
  const waiting = document.createElement("div");
  const line = document.createElement("span");
  waiting.className = "waiting";
  line.className = "line";
  place.append(waiting, line);
  return place;
}

function fillPlace(place, { frame, time_s: time }, number) {
  const button = document.createElement("button");
  const picture = new Image();
  const line = place.querySelector(".line");
  const name = document.createElement("b");
  button.type = "button";
  picture.src = jpegOf(frame);
  picture.alt = `Frame ${frame}, at ${clock(time)}: take it instead`;
  name.textContent = frame;
  line.replaceChildren(name, clock(time));
  button.append(picture, line);
  button.addEventListener("click", () => change("swap", [frameOf(number), frame], number));
  // Not pointerenter: what comes to lie under a pointer that rests isn't pointed at.
  for (const kind of ["pointermove", "focus"]) button.addEventListener(kind, () => preview(frame, time, number));
  for (const kind of ["pointerleave", "blur"]) button.addEventListener(kind, endPreview);
  place.replaceChildren(button);
}

// A candidate is shown large while it is pointed at, in the place of the frame that it could replace.
let previewed = null;

function preview(frame, time, number) {
  if (busy) return;
  previewed = number;
  giveUpFullSize(); // of the frame whose place it takes
  viewer.querySelector("a").hidden = true;
  viewer.querySelector("figure > img").src = jpegOf(frame);
  viewer.querySelector("figcaption b").textContent = `Frame ${frame}`;
  viewer.querySelector(".place").textContent = clock(time, 2);
  viewer.querySelector(".facts").textContent = `could stand in for frame ${frameOf(number)}: Enter or click swaps`;
}

function endPreview() {
  if (busy || previewed !== viewed || !viewer.open) return;
  previewed = null;
  describeInViewer(viewed);
}

others.addEventListener("keydown", (event) => {
  const buttons = [...others.querySelectorAll("button")];
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.stopPropagation(); // the viewer would walk on to another frame
  buttons[buttons.indexOf(document.activeElement) + step]?.focus();
});
