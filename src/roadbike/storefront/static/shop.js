// What pages gain with JavaScript. Everything works without it: forms, links, and reloading.

const ONE_SECOND = 1000;

// A second press of a button while its form is on its way does nothing.
for (const form of document.querySelectorAll("form[data-once]")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) { event.preventDefault(); return; }
    sent = true;
    const button = event.submitter;
    if (button?.dataset.busy) setTimeout(() => { button.textContent = button.dataset.busy; });
    setTimeout(() => { sent = false; }, 10 * ONE_SECOND);
  });
}

// The page came back from the browser's memory: its forms may be sent again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// A busy shop: count down, then send the same form again.
for (const form of document.querySelectorAll("form[data-wait]")) {
  const shown = form.querySelector("[data-shown]");
  const seconds = form.querySelector("[data-seconds]");
  const progress = form.querySelector("progress");
  const wait = Number(form.dataset.wait);
  const end = Date.now() + wait * ONE_SECOND;
  shown.hidden = false;
  const timer = setInterval(() => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / ONE_SECOND));
    seconds.textContent = String(left);
    progress.value = wait - left;
    if (left === 0) { clearInterval(timer); form.requestSubmit(); }
  }, 250);
  form.addEventListener("submit", () => clearInterval(timer));
}

// What is not there yet: look again, so many seconds later.
for (const each of document.querySelectorAll("[data-reload]")) {
  setTimeout(() => location.reload(), Number(each.dataset.reload) * ONE_SECOND);
}

// Until when to pay: the time that is left, counted down.
countDown(document);

function countDown(part) {
  for (const time of part.querySelectorAll("time[data-countdown]")) {
    const left = document.createElement("b");
    const said = document.createElement("span");  // for readers of the screen, twice
    said.className = "hide";
    said.setAttribute("role", "status");
    time.after(" · ", time.dataset.countdown, " ", left, said);
    const count = () => {
      if (!time.isConnected) { clearInterval(timer); return; }
      const seconds = Math.max(0, Math.floor((Date.parse(time.dateTime) - Date.now()) / ONE_SECOND));
      left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      if (seconds === 300 || seconds === 60) said.textContent = `${time.dataset.countdown} ${left.textContent}`;
    };
    const timer = setInterval(count, ONE_SECOND);
    count();
  }
}

// Filters take effect when they change.
for (const box of document.querySelectorAll("form[role=search] input[type=checkbox]")) {
  box.addEventListener("change", () => box.form.requestSubmit());
}

// After an error the summary has the focus.
document.getElementById("faults")?.focus();

// On a phone, price and button stay at the foot while the form is out of sight.
const dock = document.querySelector(".dock");
const reserve = document.getElementById("reserve");
if (dock && reserve && matchMedia("(max-width: 59.99rem)").matches) {
  new IntersectionObserver(([entry]) => { dock.hidden = entry.isIntersecting; }).observe(reserve);
}

// The live timeline: the server sends finished HTML, which is put in its place.
const live = document.querySelector("[data-live]");
if (live) follow(live);

function follow(line) {
  const steps = document.getElementById("steps");
  let last = line.dataset.after;  // how many events of the purchase this page knows
  const shown = new Map();  // by the id of the part, as it was sent
  let failures = 0;
  line.hidden = false;

  const say = (state) => {
    for (const each of line.querySelectorAll("[data-state]")) each.hidden = each.dataset.state !== state;
  };

  const parsed = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  const add = (html) => {
    const step = parsed(html);
    if ([...steps.children].some((each) => each.dataset.id === step.dataset.id)) return;
    const time = step.querySelector("time").dateTime;
    const older = [...steps.children].find((each) => each.querySelector("time").dateTime <= time);
    step.lastElementChild.classList.add("new");
    steps.insertBefore(step, older ?? null);
  };

  const swap = (html) => {
    const fresh = parsed(html);
    const old = document.getElementById(fresh.id);
    if (!old || shown.get(fresh.id) === html) return;
    shown.set(fresh.id, html);
    const hadFocus = old.contains(document.activeElement);
    old.replaceWith(fresh);
    countDown(fresh);
    if (hadFocus) fresh.querySelector("h1")?.focus();
  };

  const connect = () => {
    const source = new EventSource(`${line.dataset.live}?after=${last}`);
    source.addEventListener("open", () => { failures = 0; say("live"); });
    source.addEventListener("step", (event) => { last = event.lastEventId; add(event.data); });
    source.addEventListener("head", (event) => swap(event.data));
    source.addEventListener("next", (event) => swap(event.data));
    source.addEventListener("facts", (event) => swap(event.data));
    source.addEventListener("end", () => { source.close(); line.hidden = true; });
    source.addEventListener("error", () => {
      source.close();
      failures += 1;
      say(failures > 3 ? "lost" : "again");
      setTimeout(connect, Math.min(30, 2 ** (failures - 1)) * ONE_SECOND);
    });
  };
  connect();
}
