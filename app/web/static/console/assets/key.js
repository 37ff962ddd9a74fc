// The admin key, for this tab alone: a tab's sessionStorage goes when the tab is closed.

const NAME = "hearth.admin-key";

export function keptKey() {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null; // a browser that keeps nothing asks each time
  }
}

export function keepKey(secret) {
  try {
    sessionStorage.setItem(NAME, secret);
  } catch {
    // see above
  }
}

export function forgetKey() {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // see above
  }
}
