/** What the page that shows a project tells, and who hears of it. */
import type { Company } from './company.js';
import type { Pacer } from './pacer.js';
import type { PageEvents } from './runtime.js';
import type { Socket } from './socket.js';

/** @param isToStay whether somebody who leaves now would lose something, and shall be asked */
export function pageEvents(socket: Socket, company: Company, batches: Pacer, isToStay: () => boolean): PageEvents {
  return {
    network: (online) => socket.input({ on: 'network', online }),
    seen: (isSeen) => {
      if (isSeen) socket.input({ on: 'visible' });
      company.activity?.seen(isSeen);
    },
    touched: () => company.activity?.touched(),
    leaving: () => {
      batches.run();
      // Who stays must not find that what could not be sent just now waits for ever.
      batches.request();
      return isToStay();
    },
  };
}
