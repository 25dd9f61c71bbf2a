import type { CodeRule } from './rule';

const PATTERNS: readonly [types: ReadonlySet<string>, pattern: RegExp][] = [
  [new Set(['pair']), /^['"]?(?:rejectUnauthorized|strictSSL|verify_ssl)['"]?\s*:\s*(?:false|0|False)$/],
  [
    new Set(['assignment_expression', 'assignment']),
    /NODE_TLS_REJECT_UNAUTHORIZED['"\]]*\s*=\s*['"]?0|(?:\.verify|check_hostname)\s*=\s*False$|verify_mode\s*=\s*ssl\.CERT_NONE|_create_default_https_context\s*=\s*ssl\._create_unverified_context/,
  ],
  [
    new Set(['keyword_argument']),
    /^(?:verify|verify_ssl|ssl_verify)\s*=\s*False$|^cert_reqs\s*=\s*['"]?(?:ssl\.)?CERT_NONE/,
  ],
  [new Set(['keyed_element']), /^InsecureSkipVerify\s*:\s*true$/],
  [new Set(['call']), /^ssl\._create_unverified_context\(/],
];

/** A connection whose other end is not checked can be anyone's. */
export const disabledTls: CodeRule = {
  id: 'security/disabled-tls',
  family: 'security',
  target: 'code',
  title: 'The certificate of the other end is not checked',
  level: 'error',
  confidence: 'high',
  languages: ['javascript', 'typescript', 'tsx', 'python', 'go'],
  explanation:
    'Without the check anyone between the two ends can read and change what is sent. Trust the authority that signed the certificate instead (ca, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE).',
  cwe: [295],
  owasp: ['A02'],
  *check({ tree }) {
    for (const [types, pattern] of PATTERNS)
      for (const node of tree.ofType(types))
        if (tree.end(node) - tree.start(node) < 300 && pattern.test(tree.text(node)))
          yield { node, message: 'certificates are not checked' };
  },
  examples: {
    bad: [
      { language: 'javascript', code: 'const agent = new https.Agent({ rejectUnauthorized: false });' },
      { language: 'typescript', code: "process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';" },
      { language: 'python', code: 'requests.get(url, verify=False)\n' },
      { language: 'go', code: 'package p\nvar c = &tls.Config{InsecureSkipVerify: true}' },
    ],
    good: [
      { language: 'javascript', code: 'const agent = new https.Agent({ rejectUnauthorized: true, ca });' },
      { language: 'python', code: 'requests.get(url, verify="/etc/ca.pem")\n' },
    ],
  },
};
