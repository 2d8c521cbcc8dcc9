/** Prints the tables of the README: `npm run --silent cost`. */
import { costTable, loadTable, priceTable } from '../cost/tables.js';

process.stdout.write(`${[costTable(), priceTable(), loadTable()].join('\n\n')}\n`);
