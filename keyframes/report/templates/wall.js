// The wall of chosen frames: sorted, walked through by arrow keys, linked to the pictures beside.

const wall = document.getElementById("wall");
const descending = (name) => (a, b) => b.dataset[name] - a.dataset[name] || a.dataset.number - b.dataset.number;
const orders = {
  time: (a, b) => a.dataset.number - b.dataset.number,
  covers: descending("covers"),
  distance: descending("distance"),
};

const cardsInOrder = () => [...wall.querySelectorAll(".card")];

function press(buttons, pressed) {
  for (const button of buttons) button.setAttribute("aria-pressed", button === pressed);
}

function sortWall(by) {
  wall.dataset.by = by;
  wall.append(...cards.slice().sort(orders[by]).map((card) => card.parentElement));
  makeTabStop(cardsInOrder()[0]);
}

const sortButtons = document.querySelectorAll("[data-sort]");
for (const button of sortButtons) {
  button.addEventListener("click", () => {
    press(sortButtons, button);
    sortWall(button.dataset.sort);
  });
}

// The wall is one stop of the Tab key; arrows move inside.
function makeTabStop(card) {
  for (const other of cards) other.tabIndex = other === card ? 0 : -1;
}

function reveal(number) {
  makeTabStop(cards[number]);
  cards[number].focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  cards[number].scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
}

wall.addEventListener("keydown", (event) => {
  const order = cardsInOrder();
  const at = order.indexOf(event.target.closest(".card"));
  const columns = order.filter((card) => card.offsetTop === order[0].offsetTop).length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -at, End: order.length - 1 - at }[event.key];
  if (at < 0 || step === undefined) return;
  event.preventDefault();
  const next = order[at + step];
  if (next) {
    makeTabStop(next);
    next.focus();
  }
});

function listenTo(card) {
  const pointHere = () => pointAtCard(Number(card.dataset.number));
  card.addEventListener("pointerenter", pointHere);
  card.addEventListener("pointerleave", () => pointAtCard(null));
  card.addEventListener("focus", pointHere);
  card.addEventListener("blur", () => pointAtCard(null));
  card.addEventListener("click", () => showInViewer(Number(card.dataset.number)));
}
cards.forEach(listenTo);

let lit = null;
listeners.push(() => {
  lit?.classList.remove("pointed");
  lit = pointed.number === null ? null : cards[pointed.number];
  lit?.classList.add("pointed");
});
