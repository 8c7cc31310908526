"use strict";
// The pages are complete without this script. It puts the address of the site into commands, copies commands, and sorts and filters the tables. It sends
// nothing, loads nothing, and never makes markup from text.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, text) => {
    const element = document.createElement(name);
    element.textContent = text;
    return element;
  };

  // The address of the site is the address of the place, for entries that are published where the site is.
  const root = new URL(document.documentElement.dataset.root || "./", location.href);
  const isFile = root.protocol === "file:";
  const path = isFile ? decodeURIComponent(root.pathname).replace(/^\/([A-Za-z]:)/, "$1") : root.origin + root.pathname;
  const address = path.replace(/\/+$/, "") || "/";
  const quoted = /^[A-Za-z0-9@%+=:,.\/_-]+$/.test(address) ? address : "'" + address.replaceAll("'", "'\\''") + "'";
  for (const element of all("[data-address]")) element.replaceWith(quoted);
  for (const element of all("[data-address-text]")) element.textContent = address;
  for (const element of all("[data-address-note]")) element.remove();

  // Browsers lend the clipboard to safe origins only; elsewhere the command is selected, and copied in the way of old browsers.
  async function copy(code) {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  }
  for (const command of all(".command")) {
    const button = make("button", "Copy");
    button.type = "button";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      button.textContent = await copy(command.querySelector("code")) ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    command.append(button);
  }

  for (const tools of all(".tools")) tools.hidden = false;

  const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  for (const input of all("[data-filter-labels]")) {
    const names = all("li", input.closest("details"));
    const found = input.closest(".tools").querySelector("[role=status]");
    input.addEventListener("input", () => {
      const words = wordsOf(input.value);
      let shown = 0;
      for (const item of names) {
        const text = item.value + " " + item.textContent.toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
        shown += item.hidden ? 0 : 1;
      }
      found.textContent = words.length ? `${shown} of ${names.length}` : "";
    });
  }

  const table = document.querySelector("table.models");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headers = [...table.tHead.rows[0].cells];
  const filters = Object.fromEntries(all("[data-filter]").map((control) => [control.dataset.filter, control]));
  const found = document.querySelector("[data-found]");
  const none = document.querySelector(".none");
  const sortBy = document.querySelector("[data-sort-by]");
  const collator = new Intl.Collator("en", { numeric: true });

  function filter() {
    const words = wordsOf(filters.text.value);
    let shown = 0;
    for (const row of rows) {
      const labels = row.dataset.labels ? document.getElementById(row.dataset.labels).textContent : "";
      const fits = words.every((word) => row.dataset.search.includes(word) || labels.includes(word)) &&
        (!filters.size.value || filters.size.value === row.dataset.size) &&
        (!filters.classes.value || filters.classes.value === row.dataset.classes);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    found.textContent = `${shown} of ${rows.length}`;
    none.hidden = shown > 0;
  }

  // What has no value comes last, whichever way the rest is sorted. Equal rows keep the order of the page.
  function sort(column, descending) {
    const isNumber = headers[column].classList.contains("number");
    const value = (row) => row.cells[column].dataset.value;
    const sorted = [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1);
      return (isNumber ? Number(x) - Number(y) : collator.compare(x, y)) * (descending ? -1 : 1);
    });
    body.append(...sorted);
    headers.forEach((header, i) => {
      if (i === column) header.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
    sortBy.value = `${column} ${descending ? "down" : "up"}`;
  }

  headers.forEach((header, column) => {
    const title = header.textContent;
    const button = make("button", title);
    button.type = "button";
    button.addEventListener("click", () => sort(column, header.getAttribute("aria-sort") === "ascending"));
    header.replaceChildren(button);
    for (const [word, text] of [["up", "ascending"], ["down", "descending"]]) {
      const option = make("option", `${title}, ${text}`);
      option.value = `${column} ${word}`;
      sortBy.append(option);
    }
  });
  sortBy.addEventListener("change", () => {
    if (!sortBy.value) return;
    const [column, word] = sortBy.value.split(" ");
    sort(Number(column), word === "down");
  });
  for (const control of Object.values(filters)) control.addEventListener("input", filter);
  document.querySelector("[data-reset]").addEventListener("click", () => {
    for (const control of Object.values(filters)) control.value = "";
    filter();
  });
  filter(); // a browser that comes back to the page fills in what was typed before
})();
