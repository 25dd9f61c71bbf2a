import { contractsOf, patternsHandledBy } from '@mcp-router/platform/testing';
import { answerMcp, exchangeMcp } from '@mcp-router/shared';
import { AppModule } from './app.module';

it('answers every contract of the router once', () => {
  expect(contractsOf('router').length).toBeGreaterThan(0);
  // Two are answered without a controller.
  expect([...patternsHandledBy(AppModule), answerMcp.pattern, exchangeMcp.pattern].sort()).toEqual(
    contractsOf('router'),
  );
});
