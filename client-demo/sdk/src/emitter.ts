/** Typed events. A listener that throws does not keep the others from hearing. */
import type { Runtime } from './runtime.js';

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** @returns removes the listener */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    // A wrapper, so that the same function registered twice is two registrations with a handle each.
    const entry = (event: Events[Name]): void => listener(event);
    set.add(entry);
    return () => void set.delete(entry);
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])] as ((event: Events[Name]) => void)[]) {
      try {
        listener(event);
      } catch (error) {
        // The application's mistake, shown where mistakes are shown, and kept away from the replica's state.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Waits for an event that is enough, at most `ms` milliseconds. */
  until<Name extends keyof Events>(name: Name, isEnough: (event: Events[Name]) => boolean, ms: number, runtime: Runtime): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        stop();
        cancel();
        resolve();
      };
      const stop = this.on(name, (event) => isEnough(event) && finish());
      const cancel = runtime.timer(ms, finish);
    });
  }

  clear(): void {
    this.#listeners.clear();
  }
}
