import { callsOf, readsRequest } from '../engine/code-queries';
import type { CodeRule } from './rule';

const SCRIPT =
  /^(?:fetch|axios(?:\.\w+)?|got(?:\.\w+)?|request|undici\.(?:fetch|request)|https?\.(?:get|request)|needle(?:\.\w+)?)$/;
const PYTHON = /^(?:requests\.\w+|httpx\.\w+|urllib\.request\.urlopen|urlopen|aiohttp\.\w+|session\.(?:get|post))$/;

/** An address from a request is asked by the server. */
export const requestForgery: CodeRule = {
  id: 'security/request-forgery',
  family: 'security',
  target: 'code',
  title: 'An address from a request is asked by the server',
  level: 'error',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'Whoever sends the request chooses what the server asks: its own network, the metadata service of the cloud. Allow known hosts only, and check the address that the name resolves to.',
  cwe: [918],
  owasp: ['A10', 'MCP05'],
  *check(file) {
    const { tree, units, language } = file;
    for (const { node, callee, args } of callsOf(file)) {
      const [first] = args;
      if (first === undefined || !(language === 'python' ? PYTHON : SCRIPT).test(callee) || !readsRequest(file, first))
        continue;
      const unit = units.list[units.scope[node] ?? -1];
      if (
        /allow|whitelist|isPrivate|validate|\.hostname\b|netloc|ssrf/i.test(unit ? tree.text(unit.node) : tree.source)
      )
        continue;
      yield { node, message: `${callee} asks an address from the request` };
    }
  },
  examples: {
    bad: [
      { language: 'javascript', code: "app.get('/p', async (req, res) => { const r = await fetch(req.query.url); });" },
      {
        language: 'python',
        code: 'import requests\ndef f(request):\n    url = request.args["url"]\n    return requests.get(url)\n',
      },
    ],
    good: [
      {
        language: 'javascript',
        code: "app.get('/p', async (req, res) => { const r = await fetch('https://api.example.com/x', { body: req.body }); });",
      },
      {
        language: 'python',
        code: 'import requests\ndef f(request):\n    url = request.args["url"]\n    if url not in ALLOWED: raise ValueError\n    return requests.get(url)\n',
      },
    ],
  },
};
