"use strict";
(() => {
  const all = (what, from) => Array.from((from || document).querySelectorAll(what));
  document.body.classList.add("live");
  for (const table of all("table.sortable")) {
    const heads = all("thead th", table), body = table.tBodies[0];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up > 0 ? "ascending" : "descending");
        const rows = Array.from(body.rows, (row) => {
          const text = row.cells[column].dataset.v;
          return [row, text === "" ? null : isNaN(text) ? text : Number(text)];
        });
        rows.sort(([, a], [, b]) => {
          if (a === null || b === null) return (a === null) - (b === null);
          return up * (a < b ? -1 : a > b ? 1 : 0);
        });
        body.append(...rows.map(([row]) => row));
      });
    });
  }
  const copy = document.getElementById("copy");
  if (copy) copy.addEventListener("click", () => {
    const line = document.getElementById("signature"), told = document.getElementById("copied");
    getSelection().selectAllChildren(line);
    const done = () => { told.textContent = "Copied."; };
    const marked = () => { told.textContent = "Marked: copy it with the keyboard."; };
    if (navigator.clipboard) navigator.clipboard.writeText(line.textContent).then(done, marked);
    else if (document.execCommand("copy")) done(); else marked();
  });
  const parts = all("section.pictures").filter((part) => part.querySelector(".gallery"));
  const grid = document.getElementById("confusion");
  if (grid) {
    const cells = all("td", grid);
    const choose = (cell) => {
      const again = cell && cell.getAttribute("aria-selected") === "true";
      for (const one of cells) one.setAttribute("aria-selected", "false");
      const chosen = again ? null : cell;
      if (chosen) chosen.setAttribute("aria-selected", "true");
      for (const part of parts) {
        let shown = 0;
        const shots = all(".gallery > figure", part);
        for (const shot of shots) {
          shot.hidden = Boolean(chosen) && !shot.dataset.pairs.split(" ").includes(chosen.dataset.cell);
          shown += !shot.hidden;
        }
        part.querySelector("[data-act=every]").hidden = !chosen;
        part.querySelector(".filtered").textContent = chosen ? `${shown} of ${shots.length} pictures: ${chosen.title}` : "";
      }
    };
    const move = (cell, rows, columns) => {
      const row = cell.parentElement.parentElement.rows[cell.parentElement.sectionRowIndex + rows];
      const next = row && row.cells[cell.cellIndex + columns];
      if (!next || next.tagName !== "TD") return;
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    };
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    grid.addEventListener("keydown", (event) => {
      const cell = event.target.closest("td");
      if (!cell) return;
      if (event.key in steps) move(cell, ...steps[event.key]);
      else if (event.key === "Enter" || event.key === " ") choose(cell);
      else if (event.key === "Escape") choose(null);
      else return;
      event.preventDefault();
    });
    grid.addEventListener("click", (event) => {
      const cell = event.target.closest("td");
      if (cell) choose(cell);
    });
    for (const every of all("[data-act=every]")) every.addEventListener("click", () => choose(null));
  }
  for (const part of parts) {
    const gallery = part.querySelector(".gallery");
    for (const shot of gallery.children) {
      const [first, ...others] = all(".stage", shot);
      for (const stage of others) stage.prepend(...all(".photo, .gt", first).map((layer) => layer.cloneNode(true)));
    }
    const on = (name, act) => {
      const control = part.querySelector(`[data-act=${name}]`);
      control.addEventListener("input", () => act(control.value, control));
      if (name !== "order") act(control.value);
    };
    on("top", (value) => {
      gallery.dataset.top = value;
      for (const name of ["opacity", "swipe"]) part.querySelector(`[data-act=${name}]`).disabled = value === "all";
    });
    on("size", (value) => { gallery.dataset.size = value; });
    on("opacity", (value) => gallery.style.setProperty("--opacity", value / 100));
    on("swipe", (value) => gallery.style.setProperty("--swipe", `${value}%`));
    const drawn = [...gallery.children];
    const wrong = new Map(drawn.map((shot) => [
      shot, new Map((shot.dataset.wrong || "").split(" ").map((one) => one.split(":"))),
    ]));
    on("order", (value, control) => {
      const place = value.split("class-")[1], title = control.selectedOptions[0].text;
      const pixels = (shot) => (wrong.get(shot).has(place) ? Number(wrong.get(shot).get(place)) : null);
      const ofClass = (shot) => (pixels(shot) === null ? 1 : -pixels(shot));
      const by = (shot) => (place ? ofClass(shot) : value === "key" ? shot.dataset.key : Number(shot.dataset[value]));
      const told = (count) => (count === null ? "not in this image" : `${count.toLocaleString("en")} pixels`);
      gallery.append(...drawn.slice().sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0)));
      for (const shot of drawn) {
        const line = shot.querySelector(".counted");
        if (line) line.textContent = place ? `${title}: ${told(pixels(shot))}` : "";
      }
    });
  }
})();
