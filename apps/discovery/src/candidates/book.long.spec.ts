import fc from 'fast-check';
import { anySequence, runSequence } from '../testing/discovery-model';

it('has no ghosts and loses nothing in 10,000 sequences of adding, removing, flapping, outages and restarts', () => {
  fc.assert(fc.property(anySequence, runSequence), { numRuns: 10_000 });
}, 600_000);
