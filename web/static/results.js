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
  const zipButton = document.getElementById("bulk-zip");
  const deleteButton = document.getElementById("bulk-delete");
  const checkboxes = [...document.querySelectorAll('input[name="job"]')];
  const selectedBoxes = () => checkboxes.filter((checkbox) => checkbox.checked);

  const render = () => {
    const selected = selectedBoxes();
    bulk.hidden = selected.length === 0;
    count.textContent = count.dataset.text.replace("{count}", selected.length);
    zipButton.disabled = !selected.every((checkbox) => checkbox.dataset.canZip);
    if (deleteButton !== null) {
      deleteButton.disabled = !selected.every((checkbox) => checkbox.dataset.canDelete);
    }
  };

  // Attach the checkboxes to the form that is submitted.
  const submit = (id) => {
    for (const checkbox of checkboxes) {
      checkbox.setAttribute("form", id);
    }
    document.getElementById(id).requestSubmit();
  };

  for (const checkbox of checkboxes) {
    checkbox.addEventListener("change", render);
  }
  zipButton.addEventListener("click", () => submit("archive"));
  if (deleteButton !== null) {
    deleteButton.addEventListener("click", () => submit("several"));
  }
  document.getElementById("bulk-none").addEventListener("click", () => {
    for (const checkbox of checkboxes) {
      checkbox.checked = false;
    }
    render();
  });
  render();
}
