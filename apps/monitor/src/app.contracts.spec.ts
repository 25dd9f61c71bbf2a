import { contractsOf, patternsHandledBy } from '@mcp-router/platform/testing';
import { AppModule } from './app.module';

it('answers every contract of the monitor once', () => {
  expect(contractsOf('monitor').length).toBeGreaterThan(0);
  expect(patternsHandledBy(AppModule)).toEqual(contractsOf('monitor'));
});
