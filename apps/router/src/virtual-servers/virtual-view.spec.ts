import { Catalogue } from '../catalogue/catalogue';
import { readItems, withPublicNames, type CatalogueKind } from '../catalogue/catalogue-item';
import { virtualView } from './virtual-view';

const catalogue = new Catalogue();
const offer = (slug: string, kind: CatalogueKind, key: string, ...names: string[]) =>
  catalogue.set(slug, {
    [kind]: withPublicNames(readItems(slug, kind, JSON.stringify({ [kind]: names.map((name) => ({ [key]: name })) }))),
  });
offer('git', 'tools', 'name', 'clone', 'push', 'search');
offer('mail', 'tools', 'name', 'send', 'search');
offer('mail', 'prompts', 'name', 'reply');
offer('git', 'resources', 'uri', 'x://1', 'x://2');
offer('mail', 'resources', 'uri', 'x://2');

describe('what a virtual server offers', () => {
  it('are the chosen tools under their own names, in the order of its servers', () => {
    const { tools, clashes } = virtualView(catalogue, [
      { server: 'mail', tools: ['s*'] },
      { server: 'git', tools: ['clone', 'nothing'] },
    ]);
    expect([...tools.keys()]).toEqual(['send', 'search', 'clone']);
    expect(tools.get('search')?.server).toBe('mail');
    expect(clashes).toEqual([]);
  });

  it('is of the first server where two have the same name, and that is told', () => {
    const { tools, clashes } = virtualView(catalogue, [{ server: 'git' }, { server: 'mail' }]);
    expect([...tools.keys()]).toEqual(['clone', 'push', 'search', 'send']);
    expect(tools.get('search')?.server).toBe('git');
    expect(clashes).toEqual([{ server: 'mail', name: 'search' }]);
  });

  it('has prompts, and every resource once', () => {
    const { prompts, items } = virtualView(catalogue, [{ server: 'mail', tools: [] }, { server: 'git' }]);
    expect([...prompts.keys()]).toEqual(['reply']);
    expect(items.resources.map(({ server, name }) => `${server} ${name}`)).toEqual(['mail x://2', 'git x://1']);
  });

  it('is nothing of a server that is not there', () => {
    expect(virtualView(catalogue, [{ server: 'gone' }]).items.tools).toEqual([]);
  });
});
