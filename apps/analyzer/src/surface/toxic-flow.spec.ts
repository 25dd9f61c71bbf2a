import { toxicFlow } from './toxic-flow';

const tool = (server: string, name: string, description: string) => ({ server, name, description });
const BROWSER = tool('web', 'fetch_page', 'Fetches a web page and returns its text');
const FILES = tool('files', 'read_file', 'Reads a file of the project');
const MAIL = tool('mail', 'send_mail', 'Sends an email to anyone');

it('sees strangers’ text, private data and a way out across servers', () => {
  expect(toxicFlow([BROWSER, FILES, MAIL])).toMatchObject({
    servers: ['files', 'mail', 'web'],
    tools: { 'private data': ['files__read_file'] },
  });
});

it('is silent when one of the three is missing', () => {
  expect(toxicFlow([FILES, MAIL])).toBeNull();
  expect(toxicFlow([tool('calc', 'add', 'Adds two numbers'), FILES])).toBeNull();
});

it('believes a tool that stays in a closed world', () => {
  expect(
    toxicFlow([
      { ...BROWSER, annotations: { openWorldHint: false } },
      FILES,
      { ...MAIL, annotations: { openWorldHint: false } },
    ]),
  ).toBeNull();
});
