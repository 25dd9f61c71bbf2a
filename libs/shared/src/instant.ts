import { z } from 'zod';

/** There is no year 0 in the calendar of the database. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');

/** A moment that somebody asks about: ISO 8601 with an offset, of a year that a database knows. */
export const Instant = z.iso
  .datetime({ offset: true })
  .refine((text) => !(Date.parse(text) < EARLIEST_MS), 'A time of the year 1 or later');
