// The endless chat. The page holds a window of the conversation: stretches are
// fetched at either end before the eye gets there, and taken out far behind
// it, so that a chat of any length costs the browser the same.
"use strict";

(() => {
  const box = document.querySelector(".messages");

  // A file that this browser cannot show becomes a card to save it by. The
  // archive has it all the same.
  const card = (e) => {
    const frame = e.closest(".media, .sound");
    if (!frame) return;
    const a = document.createElement("a"), paper = document.createElement("span"), text = document.createElement("span");
    a.className = "card document";
    a.href = e.getAttribute("src");
    a.download = "";
    paper.className = "paper none";
    paper.textContent = "?";
    text.className = "card-body";
    text.textContent = "This browser cannot show this file. Save it.";
    a.append(paper, text);
    if (box) still(() => frame.replaceWith(a)); else frame.replaceWith(a);
  };
  document.addEventListener("error", (e) => { if (e.target.matches?.("img, video, audio")) card(e.target); }, true);
  // Those that failed before this script came.
  const failed = () => {
    for (const e of document.querySelectorAll(".media img, .media video, .sound audio")) {
      if (e.error || (e.tagName === "IMG" && e.complete && !e.naturalWidth && e.currentSrc)) card(e);
    }
  };
  if (!box) { failed(); return; }
  // The first stretch grows. To move its days elsewhere would take the focus
  // from the message that the address names.
  const stretch = document.getElementById("stretch").firstElementChild;
  const newest = document.getElementById("newest");
  const most = 360; // messages in the page
  const ahead = 1800; // pixels before the end at which the next stretch is fetched
  const more = { earlier: !!stretch.dataset.earlier, later: !!stretch.dataset.later };

  const edge = {
    earlier: "The archive has nothing earlier of this chat",
    later: "The archive has nothing later of this chat",
  };
  // What is asked of a stretch: a place, and whose words are marked in it.
  const asking = (place) => {
    const s = new URLSearchParams(box.dataset.q ? { ...place, q: box.dataset.q } : place).toString();
    return s && "?" + s;
  };
  const messages = () => stretch.getElementsByClassName("m");

  // mend says whether a message follows one of the same sender on the same day.
  const mend = (m) => {
    if (!m) return;
    const p = m.previousElementSibling;
    m.classList.toggle("joined", !!p && !!m.dataset.from && p.dataset.from === m.dataset.from &&
      p.classList.contains("out") === m.classList.contains("out") && !m.classList.contains("notice"));
  };

  // join makes one day of two that meet at a seam.
  const join = (a, b) => {
    if (!a || !b || a.dataset.day !== b.dataset.day) return;
    const to = a.querySelector("ol"), seam = b.querySelector("ol").firstElementChild;
    to.append(...b.querySelector("ol").children);
    b.remove();
    mend(seam);
  };

  // still runs change and leaves the message that the eye is on where it was.
  function still(change) {
    const top = box.getBoundingClientRect().top;
    let eye;
    for (const m of messages()) { if (m.getBoundingClientRect().bottom > top) { eye = m; break; } }
    const was = eye?.getBoundingClientRect().top;
    change(eye);
    if (eye?.isConnected) box.scrollTop += eye.getBoundingClientRect().top - was;
  }

  const drop = (m) => {
    const day = m.closest(".day");
    m.remove();
    if (!day.querySelector(".m")) day.remove();
  };

  // trim takes out what is farthest from where the eye went. Where that holds
  // the focus, the chat takes it: the keyboard must not be thrown to the top.
  const trim = (end) => {
    const all = messages();
    while (all.length > most) {
      const m = end === "earlier" ? all[all.length - 1] : all[0];
      if (m.contains(document.activeElement)) box.focus({ preventScroll: true });
      drop(m);
      more[end === "earlier" ? "later" : "earlier"] = true;
    }
    mend(all[0]);
    label();
  };

  const label = () => {
    for (const end of ["earlier", "later"]) {
      const turn = document.getElementById("turn-" + end), all = messages();
      const at = end === "earlier" ? all[0] : all[all.length - 1];
      turn.replaceChildren();
      if (more[end] && at) {
        const a = document.createElement("a");
        a.id = end;
        a.href = asking({ [end === "earlier" ? "before" : "after"]: at.dataset.id }) + (end === "earlier" ? "#end" : "");
        a.textContent = end === "earlier" ? "Earlier messages" : "Later messages";
        turn.append(a);
      } else {
        const s = document.createElement("span");
        s.className = "edge";
        s.textContent = edge[end];
        turn.append(s);
      }
    }
  };

  // put adds a stretch at one end.
  const put = (end, got) => {
    const days = [...got.querySelectorAll(".day")];
    if (end === "earlier") {
      const top = stretch.firstElementChild;
      stretch.prepend(...days);
      join(days[days.length - 1], top);
    } else {
      const last = stretch.lastElementChild;
      stretch.append(...days);
      join(last, days[0]);
    }
    more[end] = !!got.dataset[end];
  };
  const next = async (end, by) => {
    const all = messages(), at = end === "earlier" ? all[0] : all[all.length - 1];
    return (await fragment(box.dataset.fragment + asking({ [end === "earlier" ? "before" : "after"]: at.dataset.id }), undefined, by)).firstElementChild;
  };

  let busy = false, rest = 0;
  const load = async (end) => {
    if (busy || !more[end] || Date.now() < rest) return;
    busy = true;
    box.setAttribute("aria-busy", "true");
    const began = performance.now();
    try {
      const got = await next(end);
      still(() => { put(end, got); trim(end); });
      performance.measure("waxseal-" + end, { start: began });
    } catch {
      rest = Date.now() + 3000; // the server is away: do not ask it all the time
      say("More messages could not be read. The link at the end tries again.");
    } finally {
      busy = false;
      box.removeAttribute("aria-busy");
    }
    requestAnimationFrame(look);
  };

  const under = () => box.scrollHeight - box.scrollTop - box.clientHeight;
  const look = () => {
    const below = under();
    newest.hidden = !more.later && below < 200;
    if (newest.hidden) tell(0);
    if (box.scrollTop < ahead && more.earlier) load("earlier");
    else if (below < ahead && more.later) load("later");
  };

  // What is archived while the chat is open comes in at its end. Who reads the
  // end goes on reading it; who reads elsewhere is told, and not moved.
  let came = 0;
  const news = (n) => (n === 1 ? "1 new message" : n + " new messages");
  const tell = (n) => { came = n; newest.lastElementChild.textContent = n ? news(n) : "Newest"; };
  const grow = async () => {
    let pause = 3000;
    if (!document.hidden && !busy && !more.later && messages().length) {
      busy = true;
      try {
        const got = await next("later", "clock"), n = got.getElementsByClassName("m").length, atEnd = under() < 40;
        if (n && !atEnd && messages().length + n > most) {
          more.later = true; // there is no room without taking away what is read
        } else if (n) {
          still(() => { put("later", got); if (atEnd) trim("later"); });
          if (atEnd) box.scrollTop = box.scrollHeight;
        }
        if (n) { tell(atEnd ? 0 : came + n); say(news(n)); label(); look(); }
      } catch { pause = 30000; } // the server is away: the reader needs nothing of it now
      busy = false;
    }
    setTimeout(grow, pause);
  };
  setTimeout(grow, 3000);

  // The address follows the eye, so that a reload and the way back lead here.
  let timer;
  const remember = () => {
    const top = box.getBoundingClientRect().top;
    if (!more.later && under() < 40) { history.replaceState(null, "", location.pathname + asking({}) + "#end"); return; }
    for (const m of messages()) {
      if (m.getBoundingClientRect().bottom > top + 8) {
        history.replaceState(null, "", location.pathname + asking({ near: m.dataset.id }) + "#m" + encodeURIComponent(m.dataset.id));
        return;
      }
    }
  };
  let waiting = false, moved = false;
  box.addEventListener("scroll", () => {
    if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; look(); }); }
    if (moved) { clearTimeout(timer); timer = setTimeout(remember, 400); }
  }, { passive: true });
  for (const e of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    box.addEventListener(e, () => { moved = true; }, { passive: true });
  }

  newest.addEventListener("click", (e) => {
    if (more.later) return; // the end is not in the page: go there
    e.preventDefault();
    box.scrollTop = box.scrollHeight;
    history.replaceState(null, "", location.pathname + "#end");
  });
  document.addEventListener("click", (e) => {
    const a = e.target.closest("#earlier, #later");
    if (a) { e.preventDefault(); rest = 0; load(a.id); }
  });

  // Where the page opens: on the message that was asked for, or at the end.
  const q = new URLSearchParams(location.search);
  const target = document.querySelector(".m.target");
  if (target) {
    (target.querySelector("mark") || target).scrollIntoView({ block: "center" }); // it has the focus: autofocus
  } else if (q.has("near")) {
    document.getElementById("m" + q.get("near"))?.scrollIntoView({ block: "start" });
  } else if (q.has("date") || q.has("start") || q.has("after")) {
    box.scrollTop = q.has("start") ? 0 : stretch.offsetTop;
  } else {
    box.scrollTop = box.scrollHeight;
  }
  failed();
  look();
})();
