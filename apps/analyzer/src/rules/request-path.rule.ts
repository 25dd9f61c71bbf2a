import { callsOf, readsRequest } from '../engine/code-queries';
import type { CodeRule } from './rule';

const SCRIPT =
  /(?:^|\.)(?:readFile|readFileSync|writeFile|writeFileSync|createReadStream|createWriteStream|unlink|unlinkSync|rm|rmSync|readdir|readdirSync|sendFile|download|appendFile|open|openSync|stat)$/;
const PYTHON =
  /^(?:open|os\.(?:remove|unlink|listdir|rmdir|makedirs)|shutil\.\w+|send_file|Path|pathlib\.Path|io\.open)$/;

/** A path from a request reaches the file system. */
export const requestPath: CodeRule = {
  id: 'security/path-traversal',
  family: 'security',
  target: 'code',
  title: 'A path from a request reaches the file system',
  level: 'error',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'A name such as ../../etc/passwd leaves the folder it was meant for. Resolve the path, then check that it still lies below the folder (realpath, startsWith with a separator), or look the file up by an id.',
  cwe: [22],
  owasp: ['A01'],
  *check(file) {
    const { tree, units, language } = file;
    for (const { node, callee, args } of callsOf(file)) {
      const [first] = args;
      if (first === undefined || !(language === 'python' ? PYTHON : SCRIPT).test(callee) || !readsRequest(file, first))
        continue;
      const unit = units.list[units.scope[node] ?? -1];
      const around = unit ? tree.text(unit.node) : tree.source;
      if (
        /startsWith|isPathInside|path\.relative|basename|commonpath|is_relative_to|secure_filename|safe_join|realpath|allowed/i.test(
          around,
        )
      )
        continue;
      yield { node, message: `${callee} gets a path from the request without a check` };
    }
  },
  examples: {
    bad: [
      {
        language: 'javascript',
        code: "app.get('/f', (req, res) => { fs.readFile(path.join(root, req.query.name), cb); });",
      },
      {
        language: 'typescript',
        code: 'function f(req: Request, res: Response) { const file = req.params.file; res.sendFile(file); }',
      },
      { language: 'python', code: 'def f(request):\n    return open(request.args["name"]).read()\n' },
    ],
    good: [
      {
        language: 'javascript',
        code: "app.get('/f', (req, res) => { const p = path.resolve(root, req.query.name); if (!p.startsWith(root + '/')) return; fs.readFile(p, cb); });",
      },
      { language: 'python', code: 'def f(request):\n    return open("fixed.txt").read()\n' },
    ],
  },
};
