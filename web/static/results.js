// Results pages: bulk actions on the selected jobs, and the moments that the player jumps to.

const player = document.getElementById("player");
for (const button of document.querySelectorAll("button.moment")) {
  button.disabled = player === null;
  button.addEventListener("click", () => {
    player.currentTime = Math.max(0, Number(button.dataset.at) - 0.5);
    player.play().catch(() => {});
    player.scrollIntoView({ block: "nearest" });
  });
}

const bulk = document.getElementById("bulk");
if (bulk !== null) {
  const count = document.getElementById("bulk-count");
  const zip = document.getElementById("bulk-zip");
  const remove = document.getElementById("bulk-delete");
  const boxes = [...document.querySelectorAll('input[name="job"]')];
  const ticked = () => boxes.filter((box) => box.checked);

  const render = () => {
    const now = ticked();
    bulk.hidden = now.length === 0;
    count.textContent = count.dataset.text.replace("{count}", now.length);
    zip.disabled = !now.every((box) => box.dataset.canZip);
    if (remove !== null) {
      remove.disabled = !now.every((box) => box.dataset.canDelete);
    }
  };

  // Attach the check boxes to the form that is submitted.
  const submit = (id) => {
    for (const box of boxes) {
      box.setAttribute("form", id);
    }
    document.getElementById(id).requestSubmit();
  };

  for (const box of boxes) {
    box.addEventListener("change", render);
  }
  zip.addEventListener("click", () => submit("archive"));
  if (remove !== null) {
    remove.addEventListener("click", () => submit("several"));
  }
  document.getElementById("bulk-none").addEventListener("click", () => {
    for (const box of boxes) {
      box.checked = false;
    }
    render();
  });
  render();
}
