import { methodLabel } from './method-label';

it('a method is a label of its own only if the protocol knows it', () => {
  expect(
    ['tools/call', 'notifications/progress', 'evil/1', '', undefined].map((method) => methodLabel(method)),
  ).toEqual(['tools/call', 'notifications', 'other', '', '']);
});
