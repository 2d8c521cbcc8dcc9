/** What becomes of one batch, for the application that made it. Imports only errors; `pending.ts` moves it on. */
import { CanvasError } from './errors.js';

/**
 * `kept`: only here · `accepted`: in its place in the order, others see it · `saved`: in the durable store · `refused`: it did not take effect ·
 * `lost`: it is not followed any more, as the `loss` event says.
 *
 * Only `saved` is for ever: until then a failure of the server may take an answer back, and the batch is sent again.
 */
export type ReceiptState = 'kept' | 'accepted' | 'saved' | 'refused' | 'lost';

/** What becomes of a batch. */
export interface Receipt {
  /** How far it has come. */
  readonly state: ReceiptState;
  /** Fulfilled when the server has accepted the batch. @throws CanvasError why it was refused or lost */
  readonly accepted: Promise<void>;
  /** Fulfilled when the batch is in the durable store. @throws CanvasError why it was refused or lost */
  readonly saved: Promise<void>;
}

interface Waiting {
  readonly level: 'accepted' | 'saved';
  readonly resolve: () => void;
  readonly reject: (error: CanvasError) => void;
}

export class Course implements Receipt {
  state: ReceiptState = 'kept';
  #error: CanvasError | undefined;
  readonly #waiting: Waiting[] = [];

  /** Of nothing, which is as safe as it gets. */
  static ended(): Course {
    const course = new Course();
    course.move('saved');
    return course;
  }

  // The promises are made when they are asked for: one that nobody looks at must not be reported as an unhandled rejection.
  get accepted(): Promise<void> {
    return this.#reached('accepted');
  }

  get saved(): Promise<void> {
    return this.#reached('saved');
  }

  /** The server has answered; or, with `kept`, the answer was taken back. */
  move(state: 'kept' | 'accepted' | 'saved'): void {
    this.state = state;
    this.#error = undefined;
    if (state === 'kept') return;
    for (const one of this.#waiting.splice(0)) {
      if (one.level === 'accepted' || state === 'saved') one.resolve();
      else this.#waiting.push(one);
    }
  }

  fail(state: 'refused' | 'lost', error: CanvasError): void {
    this.state = state;
    this.#error = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #reached(level: Waiting['level']): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.state === 'saved' || this.state === level) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ level, resolve, reject }));
  }
}
