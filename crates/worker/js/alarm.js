// The time limits of one request, on one timer of the platform: setting and clearing one costs more than all the rest of a
// limit.

// The timer looks at least so often, in milliseconds: so a limit that comes later seldom has to set it anew.
const OFTEN = 30_000;

export class Alarm {
  #limits = new Set();
  #timer = null;
  #at = Infinity;

  // Calls `late` in `wait` milliseconds, unless the function that this gives was called before.
  after(wait, late) {
    const limit = { due: Date.now() + wait, late };
    this.#limits.add(limit);
    this.#set(limit.due);
    return () => this.#limits.delete(limit);
  }

  // Nothing may be left of it once nobody waits.
  rest() {
    if (this.#limits.size === 0) this.#clear();
  }

  #set(due) {
    if (due >= this.#at) return;
    this.#clear();
    const wait = Math.min(due - Date.now(), OFTEN);
    this.#at = Date.now() + wait;
    this.#timer = setTimeout(() => this.#look(), wait);
  }

  #clear() {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }

  #look() {
    this.#at = Infinity;
    const now = Date.now();
    for (const limit of [...this.#limits]) {
      // One that came before it may have taken it out.
      if (limit.due <= now && this.#limits.delete(limit)) limit.late();
    }
    for (const { due } of this.#limits) this.#set(due);
  }
}
