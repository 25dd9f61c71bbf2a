import fc from 'fast-check';
import { anySequence, runSequence } from '../testing/discovery-model';

it('has no ghosts and loses nothing, whatever happens to the sources in which order', () => {
  fc.assert(fc.property(anySequence, runSequence), { numRuns: 300 });
});
