// One frame, enlarged; from there on to its neighbours on the wall.

const viewer = document.getElementById("viewer");
const [closeButton, previousButton, nextButton] = ["close", "previous", "next"].map((name) => viewer.querySelector(`.${name}`));
let viewed = null;
let fullSizeThere = true; // until one is missing, as when the page was mailed without its folder
let awaited = new Image();

function showInViewer(number) {
  viewed = number;
  describeInViewer(number);
  const order = cardsInOrder();
  previousButton.disabled = cards[number] === order[0];
  nextButton.disabled = cards[number] === order.at(-1);
  if (!viewer.open) viewer.showModal();
  viewer.dispatchEvent(new Event("show"));
}

function describeInViewer(number) {
  const card = cards[number];
  const thumbnail = card.querySelector("img");
  const picture = viewer.querySelector("img");
  picture.src = thumbnail.src;
  picture.alt = thumbnail.alt;
  viewer.querySelector("b").textContent = `Frame ${frames.index[data.keyframes[number]]}`;
  viewer.querySelector(".place").textContent = clock(Number(card.dataset.time), 2);
  viewer.querySelector(".facts").textContent = factsOf(card).join(" · ");
  viewer.querySelector("a").href = card.dataset.file;
  fitTo(picture, thumbnail);
  loadFullSize(card.dataset.file, number, picture);
}

function factsOf({ dataset }) {
  const distance = Number(dataset.distance);
  const facts = [];
  if ("kept" in dataset) facts.push("there before");
  if (!data.is_list) facts.push(`stands for ${count(Number(dataset.covers), "frame")} (cluster ${dataset.cluster})`);
  if (data.distance) facts.push(`${distance < 0.001 ? 0 : distance.toPrecision(3)} ${data.distance}`);
  return facts;
}

function loadFullSize(file, number, picture) {
  giveUpFullSize();
  if (!fullSizeThere) return;
  const full = new Image();
  awaited = full;
  full.addEventListener("load", () => {
    if (viewed === number) picture.src = full.src;
  });
  full.addEventListener("error", () => {
    fullSizeThere = false;
    if (viewed === number) fitTo(picture, picture);
  });
  full.src = file;
}

// A thumbnail that nothing sharper replaces is shown no larger than twice its size.
function fitTo(picture, thumbnail) {
  viewer.querySelector("a").hidden = !fullSizeThere;
  picture.style.maxWidth = fullSizeThere ? "" : `${2 * thumbnail.naturalWidth}px`;
}

// A picture that isn't needed any more may be gone by the time its turn comes.
function giveUpFullSize() {
  awaited.removeAttribute("src");
}

function step(by) {
  const order = cardsInOrder();
  const next = order[order.indexOf(cards[viewed]) + by];
  if (next) showInViewer(Number(next.dataset.number));
}

closeButton.addEventListener("click", () => viewer.close());
previousButton.addEventListener("click", () => step(-1));
nextButton.addEventListener("click", () => step(1));
viewer.addEventListener("click", (event) => {
  if (event.target === viewer) viewer.close(); // outside of the picture
});
viewer.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});
viewer.addEventListener("close", () => {
  makeTabStop(cards[viewed]);
  cards[viewed].focus();
});
