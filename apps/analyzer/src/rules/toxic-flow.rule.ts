import { toxicFlow } from '../surface/toxic-flow';
import type { CatalogueRule } from './rule';

const MAIL = { server: 'mail', name: 'send_mail', description: 'Sends an email to anyone' };
const FILES = { server: 'files', name: 'read_file', description: 'Reads a file of the project' };
const WEB = { server: 'web', name: 'fetch_page', description: 'Fetches a web page and returns its text' };

/** No single tool is at fault; together they carry data out. */
export const toxicFlowRule: CatalogueRule = {
  id: 'surface/toxic-flow',
  family: 'surface',
  target: 'catalogue',
  title: 'Tools that together can leak private data',
  level: 'warning',
  confidence: 'low',
  explanation:
    'One caller sees tools that bring in text from strangers, tools that read private data, and tools that send data out. An instruction hidden in a web page, a mail or an issue can then make the model read and send. Give agents tool policies that leave one of the three out, or make the way out ask for approval. Judged by names, descriptions and annotations, so it may miss or overrate.',
  cwe: [200, 1427],
  owasp: ['MCP10', 'MCP06'],
  *check(tools) {
    const flow = toxicFlow(tools);
    if (!flow) return;
    const some = (list: string[]) => list.slice(0, 3).join(', ') + (list.length > 3 ? ', …' : '');
    const { tools: by, servers } = flow;
    yield {
      message: `strangers' text (${some(by['untrusted input'])}) can reach private data (${some(by['private data'])}) and a way out (${some(by['way out'])})`,
      evidence: servers.join(', '),
    };
  },
  examples: {
    bad: [[WEB, FILES, MAIL]],
    good: [
      [FILES, MAIL],
      [WEB, MAIL],
    ],
  },
};
