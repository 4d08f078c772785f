// What every page shares: search as you type, keys, copying.
// Every page works without it.
"use strict";

document.documentElement.classList.add("js");

const say = (text) => { document.getElementById("live").textContent = text; };

// Another page's answer must not be put into this one: without a session the
// server answers 401, and the person is shown how to get one.
// What the clock asks for, and no person, keeps no session open.
async function fragment(address, signal, by = "person") {
  const answer = await fetch(address, { signal, headers: { Accept: "text/html", "Waxseal-By": by } });
  if (answer.status === 401) { location.reload(); throw new Error("signed out"); }
  if (!answer.ok) throw new Error("answer " + answer.status);
  const t = document.createElement("template");
  t.innerHTML = await answer.text(); // our own template's output: every text in it is escaped
  return t.content;
}

// Search as you type. The last question wins, whatever order the answers come in.
for (const input of document.querySelectorAll("input[data-find]")) {
  const into = document.getElementById(input.dataset.into);
  let timer, running;
  const find = async () => {
    if (running) running.abort();
    running = new AbortController();
    const q = input.value.trim();
    try {
      const rows = await fragment(input.dataset.find + "?" + new URLSearchParams({ q }), running.signal);
      into.replaceChildren(rows);
      const n = into.querySelectorAll(".row").length;
      say(n === 1 ? "1 chat" : n + " chats");
      if (location.pathname === "/chats") history.replaceState(null, "", q ? "/chats?" + new URLSearchParams({ q }) : "/chats");
    } catch (e) {
      if (e.name !== "AbortError") say("The list could not be read. Try again.");
    }
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(find, 150); });

  // What is imported while the list is looked at comes into it by itself; not
  // where it would take away rows that were asked for, or what is open beside it.
  const watch = async () => {
    let pause = 3000;
    const asked = input.value.trim();
    if (!document.hidden) {
      try {
        const rows = await fragment(input.dataset.find + "?" + new URLSearchParams({ q: asked }), undefined, "clock");
        const fewer = rows.querySelectorAll(".row").length < into.querySelectorAll(".row").length;
        if (!fewer && rows.textContent !== into.textContent && asked === input.value.trim()) {
          const at = into.contains(document.activeElement) && document.activeElement.getAttribute("href");
          into.replaceChildren(rows);
          if (at) into.querySelector(`[href="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
        }
      } catch { pause = 30000; }
    }
    setTimeout(watch, pause);
  };
  if (location.pathname === "/chats" && !location.search.includes("after=")) setTimeout(watch, 3000);
}

// "More chats" brings the next rows in place.
document.addEventListener("click", async (e) => {
  const a = e.target.closest("a[data-more]");
  if (!a || e.ctrlKey || e.metaKey || e.shiftKey) return;
  e.preventDefault();
  const li = a.closest("li"), before = li.previousElementSibling;
  try {
    li.replaceWith(await fragment(a.dataset.more));
    before?.nextElementSibling?.querySelector("a")?.focus();
  } catch { location.assign(a.href); }
});

for (const c of document.querySelectorAll("[data-submit]")) c.addEventListener("change", () => c.form.requestSubmit());

for (const b of document.querySelectorAll("[data-print]")) {
  b.hidden = false;
  b.addEventListener("click", () => print());
}

for (const b of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  b.hidden = false;
  b.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(b.dataset.copy).textContent);
    b.textContent = "Copied"; say("Copied");
    setTimeout(() => { b.textContent = "Copy"; }, 1600);
  });
}

// What may take the focus with j and k: the messages of a chat, the rows of a
// list, the hits of an answer; in this order, whichever the page has.
const stops = () => {
  for (const s of ["#stretch .m", "section[data-keys] .hit-link", "#rows .row"]) {
    const all = document.querySelectorAll(s);
    if (all.length) return [...all];
  }
  return [];
};

function step(by) {
  const all = stops();
  if (!all.length) return;
  let i = all.indexOf(document.activeElement?.closest(".m, .row, .hit-link"));
  if (i < 0) { // from what the eye is on
    const view = (document.querySelector(".messages") || document.documentElement).getBoundingClientRect();
    const middle = document.querySelector(".messages") ? (view.top + view.bottom) / 2 : 0;
    i = all.findIndex((m) => m.getBoundingClientRect().bottom > middle);
    if (i < 0) i = all.length - 1;
    by = 0;
  }
  const to = all[Math.min(all.length - 1, Math.max(0, i + by))];
  to.focus({ preventScroll: true });
  to.scrollIntoView({ block: "nearest" });
}

// What lies over a page until something else is looked at.
const sheets = ".menu[open], .nav-group[open], .nav-small[open]";

document.addEventListener("keydown", (e) => {
  const typing = e.target.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable], audio, video");
  if (e.key === "Escape") {
    const open = document.querySelector(sheets);
    if (open) { open.open = false; open.firstElementChild.focus(); } else if (typing) typing.blur();
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "ArrowDown" && e.target.matches?.("input[data-find]")) { e.preventDefault(); document.querySelector("#rows .row")?.focus(); return; }
  if (typing) return;
  const down = e.key === "j" || (e.key === "ArrowDown" && e.target.closest?.(".m, .row, .hit-link"));
  const up = e.key === "k" || (e.key === "ArrowUp" && e.target.closest?.(".m, .row, .hit-link"));
  if (e.key === "/") {
    const box = document.querySelector("input[data-slash]") || document.querySelector("input[data-find]");
    e.preventDefault();
    if (box) { box.focus(); box.select(); } else location.assign("/search");
  } else if (down) { e.preventDefault(); step(1);
  } else if (up) { e.preventDefault(); step(-1);
  } else if (e.key === "Enter" && e.target.matches?.(".m")) { e.target.querySelector(".at")?.click(); }
});

document.addEventListener("click", (e) => {
  for (const open of document.querySelectorAll(sheets)) if (!open.contains(e.target)) open.open = false;
});
