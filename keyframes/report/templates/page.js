// The hint beside the pointer, and the command to copy.

const hint = document.getElementById("hint");

function describeFrame(row) {
  const chosen = data.keyframes[frames.standing[row]];
  const place = `Frame ${frames.index[row]}, ${clock(frames.time[row])}`;
  return row === chosen ? `${place}: chosen` : `${place}: chosen frame ${frames.index[chosen]} stands for it`;
}

function showHint(x, y) {
  hint.querySelector("img").src = cards[pointed.number].querySelector("img").src;
  hint.querySelector("p").textContent = describeFrame(pointed.row);
  hint.hidden = false;
  const { width, height } = hint.getBoundingClientRect();
  const left = Math.min(Math.max(x - width / 2, 8), document.documentElement.clientWidth - width - 8);
  const below = y + 18 + height < window.innerHeight;
  hint.style.transform = `translate(${left}px, ${below ? y + 18 : Math.max(8, y - height - 18)}px)`;
}

function hideHint() {
  hint.hidden = true;
  pointAtCard(null);
}

document.getElementById("copy").addEventListener("click", async (event) => {
  const command = document.getElementById("command");
  getSelection().selectAllChildren(command); // for Ctrl+C, where the clipboard is closed to pages
  try {
    await navigator.clipboard.writeText(command.textContent);
    event.target.textContent = "Copied";
  } catch {
    event.target.textContent = "Press Ctrl+C";
  }
});
