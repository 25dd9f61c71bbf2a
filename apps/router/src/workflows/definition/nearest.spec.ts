import { didYouMean, editDistance, nearestNames } from './nearest';

describe('nearestNames', () => {
  it('offers names a few letters away, nearest first', () => {
    const names = ['github__get_issue', 'github__get_issues', 'github__put_issue', 'slack__post'];
    expect(nearestNames('github__get_isue', names)).toEqual([
      'github__get_issue',
      'github__get_issues',
      'github__put_issue',
    ]);
  });

  it('offers nothing when no name is near', () => expect(nearestNames('weather', ['slack__post'])).toEqual([]));

  it('counts a swap of neighbours as one edit', () => expect(editDistance('esle', 'else', 3)).toBe(1));

  it('phrases a question', () => expect(didYouMean('forc', ['for', 'fork'])).toBe('Did you mean `for` or `fork`?'));
});
