import { fastest } from '@mcp-router/platform/testing';
import { Catalogue } from './catalogue';
import { readItems, withPublicNames, type CatalogueKind } from './catalogue-item';
import { hashedName, publicName } from './public-name';
import { fitsTemplate } from './uri-template';

const items = (slug: string, kind: CatalogueKind, list: object[]) =>
  withPublicNames(readItems(slug, kind, JSON.stringify({ [kind]: list })));
const tools = (slug: string, ...names: string[]) =>
  items(
    slug,
    'tools',
    names.map((name) => ({ name, inputSchema: {} })),
  );

describe('the public name of a tool', () => {
  it('is the slug and the name', () => {
    expect(publicName('github', 'get_issue')).toBe('github__get_issue');
  });

  it.each([
    ['too long', 'x'.repeat(80)],
    ['with foreign characters', 'überprüfe alles!'],
    ['empty', ''],
  ])('of a name that is %s has at most 64 safe characters and a hash', (_, name) => {
    const made = publicName('a-very-long-slug-of-32-characters', name);
    expect(made).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
    expect(made).toBe(publicName('a-very-long-slug-of-32-characters', name));
    expect(made).not.toBe(publicName('a-very-long-slug-of-32-characters', `${name}x`));
  });

  it('stays apart for two names of a server that would look the same', () => {
    const [first, second] = tools('s', 'a b', 'a_b');
    expect(first?.publicName).toBe(hashedName('s', 'a b'));
    expect(second?.publicName).toBe('s__a_b');
  });
});

describe('the catalogue', () => {
  it('lists servers by slug and their items in their own order, as text', () => {
    const catalogue = new Catalogue();
    catalogue.set('zebra', { tools: tools('zebra', 'b', 'a') });
    catalogue.set('ant', { tools: tools('ant', 'c') });
    expect(JSON.parse(catalogue.list('tools').text)).toMatchObject([
      { name: 'ant__c' },
      { name: 'zebra__b' },
      { name: 'zebra__a' },
    ]);
    expect(JSON.parse(catalogue.list('tools', 'zebra').text)).toMatchObject([{ name: 'b' }, { name: 'a' }]);
  });

  it('keeps every field of a definition as it was written', () => {
    const page = '{"tools":[{"name":"a","n":12345678901234567890,"x-vendor":{"z":1.0},"title":"\\u00e9"}]}';
    const [item] = withPublicNames(readItems('s', 'tools', page));
    expect(item?.text).toBe('{"name":"a","n":12345678901234567890,"x-vendor":{"z":1.0},"title":"\\u00e9"}');
    expect(item?.publicText).toBe(item?.text.replace('"a"', '"s__a"'));
  });

  it('changes revision and tag only when something changed, and says what', () => {
    const catalogue = new Catalogue();
    const heard: unknown[] = [];
    catalogue.onChange((slug, kinds) => heard.push([slug, kinds]));
    catalogue.set('a', { tools: tools('a', 'x'), prompts: [] });
    const { revision } = catalogue;
    const { tag } = catalogue.list('tools');
    catalogue.set('a', { tools: tools('a', 'x') });
    expect([catalogue.revision, catalogue.list('tools').tag]).toEqual([revision, tag]);
    catalogue.set('a', { tools: tools('a', 'x', 'y') });
    expect(catalogue.list('tools').tag).not.toBe(tag);
    catalogue.remove('a');
    expect(heard).toEqual([
      ['a', ['tools']],
      ['a', ['tools']],
      ['a', ['tools']],
    ]);
    expect(catalogue.list('tools').text).toBe('[]');
  });

  it('finds tools by either name, with what they say of themselves', () => {
    const catalogue = new Catalogue();
    catalogue.set('s', { tools: items('s', 'tools', [{ name: 't', annotations: { readOnlyHint: true } }]) });
    expect(catalogue.find('tools', 's__t')?.name).toBe('t');
    expect(catalogue.hintsOf('s', 't')).toEqual({ readOnlyHint: true });
    expect(catalogue.find('tools', 't')).toBeUndefined();
  });

  it('knows the servers that have a resource, by its URI or by a template', () => {
    const catalogue = new Catalogue();
    catalogue.set('a', { resources: items('a', 'resources', [{ uri: 'x://1' }]) });
    catalogue.set('b', { resourceTemplates: items('b', 'resourceTemplates', [{ uriTemplate: 'x://{id}' }]) });
    expect(catalogue.ownersOf('x://1')).toEqual(['a']);
    expect(catalogue.ownersOf('x://2')).toEqual(['b']);
    expect(catalogue.ownersOf('y://2')).toEqual([]);
  });

  it('knows whose the faces of tools are, which no list has', () => {
    const catalogue = new Catalogue();
    const tool = (name: string, _meta: object) => ({ name, _meta });
    const tools = [tool('t', { ui: { resourceUri: 'ui://a/t' } }), tool('u', { 'ui/resourceUri': 'ui://a/u' })];
    catalogue.set('a', { tools: items('a', 'tools', tools) });
    expect([catalogue.ownersOf('ui://a/t'), catalogue.ownersOf('ui://a/u')]).toEqual([['a'], ['a']]);
    catalogue.remove('a');
    expect(catalogue.ownersOf('ui://a/t')).toEqual([]);
  });

  it('takes the template that says most of a URI, or that is meant itself', () => {
    const catalogue = new Catalogue();
    const template = (slug: string, uriTemplate: string) =>
      catalogue.set(slug, { resourceTemplates: items(slug, 'resourceTemplates', [{ uriTemplate }]) });
    template('a', '{+anything}');
    template('b', 'x://items/{id}');
    template('c', 'x://items/{id}/parts/{part}');
    template('d', 'x://{kind}/{id}');
    expect(catalogue.ownersOf('x://items/7/parts/2')).toEqual(['c', 'b', 'd', 'a']);
    expect(catalogue.ownersOf('x://{kind}/{id}')[0]).toBe('d');
    expect(catalogue.ownersOf('file:///etc')).toEqual(['a']);
  });

  it('gives a list of 1,000 tools in less than 2 ms once it is made', async () => {
    const catalogue = new Catalogue();
    catalogue.set('s', { tools: tools('s', ...Array.from({ length: 1000 }, (_, i) => `tool-${i}`)) });
    catalogue.list('tools');
    expect(await fastest(() => catalogue.list('tools'), 100)).toBeLessThan(2);
  });
});

describe('a URI template', () => {
  it.each([
    ['x://{id}', 'x://1', true],
    ['x://{id}', 'y://1', false],
    ['x://{a}/data/{b}', 'x://1/data/2', true],
    ['x://{a}/data', 'x://1/data', true],
    ['x://{a}/data', 'x://1/date', false],
    ['x://fixed', 'x://fixed', true],
    ['x://fixed', 'x://fixed2', false],
    ['{+path}', 'anything', true],
  ])('%s and %s: %s', (template, uri, fits) => {
    expect(fitsTemplate(template, uri)).toBe(fits);
  });
});
