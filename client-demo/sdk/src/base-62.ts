/** The characters of which order keys are made, and random ids for the most part. Ascending, as text is compared. */
export const BASE_62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
