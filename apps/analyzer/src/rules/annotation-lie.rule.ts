import type { SurfaceHit, SurfaceRule } from './rule';

const WRITES = new Set(
  'delete remove drop destroy purge wipe erase truncate write update edit create insert upsert send publish upload install uninstall move rename modify patch grant revoke transfer pay overwrite deploy commit kill terminate shutdown append replace add set save post put merge approve cancel buy order book execute submit unlink rm mkdir chmod'.split(
    ' ',
  ),
);
const DESTROYS = new Set(
  'delete remove drop destroy purge wipe erase truncate overwrite uninstall unlink rm format kill terminate shutdown revoke'.split(
    ' ',
  ),
);
const SAYS_WRITES =
  /^(?:\W{0,4})(?:permanently |irreversibly |immediately )?(?:deletes?|drops?|destroys?|purges?|wipes?|erases?|overwrites?|sends?|publishes?|uploads?|installs?|executes? (?:a |any |arbitrary )?(?:shell|command|code|script)|runs? (?:a |any |arbitrary )?(?:shell|command|code|script))\b/i;
const SAYS_DESTROYS =
  /^(?:\W{0,4})(?:permanently |irreversibly )?(?:deletes?|drops?|destroys?|purges?|wipes?|erases?|truncates?)\b|\b(?:irreversibl[ey]|cannot be undone|permanently (?:delete|remove|erase))/i;

const words = (name: string) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);

/** Clients ask before a call, or not, by the annotations; so a lie in them takes the question away. */
export const annotationLie: SurfaceRule = {
  id: 'surface/annotation-lie',
  family: 'surface',
  target: 'tool',
  title: 'Annotations contradict what the tool does',
  level: 'warning',
  confidence: 'medium',
  explanation:
    'The annotations call the tool read-only or harmless while its name or description says that it writes, sends or deletes. Clients decide by the annotations whether to ask the user. Treat the tool as destructive until the server is corrected.',
  cwe: [451, 345],
  owasp: ['MCP03'],
  *check({ name, description, annotations }): Generator<SurfaceHit> {
    if (!annotations) return;
    const [verb = '', ...rest] = words(name);
    const all = [verb, ...rest];
    const text = description ?? '';
    if (annotations['readOnlyHint'] === true) {
      const reads = verb === 'get' || verb === 'list' || verb === 'read' || verb === 'search' || verb === 'find';
      const writing = WRITES.has(verb) ? verb : reads ? undefined : all.find((word) => DESTROYS.has(word));
      if (writing)
        yield {
          pointer: '/annotations/readOnlyHint',
          message: `says read-only, but the name says "${writing}"`,
          evidence: name,
        };
      else if (SAYS_WRITES.test(text))
        yield {
          pointer: '/annotations/readOnlyHint',
          message: 'says read-only, but the description says that it changes something',
          evidence: text.slice(0, 120),
        };
    }
    if (annotations['destructiveHint'] === false && annotations['readOnlyHint'] !== true) {
      if (DESTROYS.has(verb))
        yield {
          pointer: '/annotations/destructiveHint',
          message: `says not destructive, but the name says "${verb}"`,
          evidence: name,
        };
      else if (SAYS_DESTROYS.test(text))
        yield {
          pointer: '/annotations/destructiveHint',
          message: 'says not destructive, but the description says that it destroys',
          evidence: text.slice(0, 120),
        };
    }
  },
  examples: {
    bad: [
      { name: 'delete_repository', annotations: { readOnlyHint: true } },
      { name: 'wipe_disk', annotations: { readOnlyHint: false, destructiveHint: false } },
      { name: 'helper', description: 'Permanently deletes all rows', annotations: { readOnlyHint: true } },
    ],
    good: [
      { name: 'delete_repository', annotations: { readOnlyHint: false, destructiveHint: true } },
      { name: 'get_updates', description: 'Lists updates of a package', annotations: { readOnlyHint: true } },
      { name: 'create_branch', annotations: { readOnlyHint: false, destructiveHint: false } },
    ],
  },
};
