// Keeps the open conversation's messages fresh, so that what the app writes shows up.

const thread = document.getElementById("thread");
let shown = thread.innerHTML.trim();

function toTheEnd() {
  thread.scrollTop = thread.scrollHeight;
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(thread.dataset.source);
    const fresh = answer.ok ? (await answer.text()).trim() : shown;
    if (fresh === shown) return;
    shown = fresh;
    thread.innerHTML = fresh; // escaped by the template that rendered it
    toTheEnd();
  } catch {
    // The sandbox is away; the next round tries again.
  }
}

toTheEnd();
setInterval(refresh, 2000);
