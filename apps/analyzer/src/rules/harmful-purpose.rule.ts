import { matches, type Pattern } from '../surface/match';
import type { SurfaceRule } from './rule';

const PATTERNS: readonly Pattern[] = [
  {
    pattern:
      /\b(?:exfiltrat(?:e|es|ed|ing|ion)|keylog(?:ger|ging)?s?|key ?strokes? (?:logging|capture)|ransomware|root ?kits?|boot ?kits?|bot ?nets?|crypto(?:jack|min)(?:er|ing)|spyware|stealer|malware (?:payload|dropper)|trojan|web ?shells?|reverse[ _-]shells?|bind[ _-]shells?|c2 (?:server|channel|beacon)|command[ -]and[ -]control)\b/,
    says: 'says itself that it is malware',
  },
  {
    pattern:
      /\b(?:steal|stolen|steals|harvest(?:s|ing|ed)?|siphon|pilfer|hijack(?:s|ing|ed)?|spoof(?:s|ing|ed)?|phish(?:es|ing)?|forge[sd]?)\b.{0,40}\b(?:data|credentials?|passwords?|tokens?|cookies?|sessions?|keys?|identit(?:y|ies)|hash(?:es)?|secrets?|files?|accounts?|e-?mails?|certificates?|dns|traffic|requests?|process(?:es)?|tickets?|pages?)\b/,
    says: 'says that it steals or forges',
  },
  {
    pattern:
      /\b(?:dump|extract|crack|brute[ -]?forc(?:e|es|ing)|spray)(?:s|ing)?\b.{0,40}\b(?:credentials?|password(?:s| hashes)?|lsass|sam database|ntlm|kerberos|hashes|keychain|browser (?:passwords|cookies)|login)\b/,
    says: 'says that it takes credentials',
  },
  {
    pattern:
      /\b(?:install|plant|implant|create|establish|maintain|deploy|inject|open)(?:s|ing|ed)?\b.{0,40}\b(?:back ?doors?|persistence|persistent access|implants?|payloads?|shell ?code|malicious|hidden (?:account|user|service))\b/,
    says: 'says that it opens a way in',
  },
  {
    pattern:
      /\b(?:bypass|evade|disable|defeat|circumvent|tamper with|avoid|escape)(?:s|ing|ed)?\b.{0,40}\b(?:antivirus|anti-virus|edr|detection|firewalls?|security (?:controls?|software|tools|monitoring)|sandbox(?:es)?|authentication|access controls?|logging|audit|defender|uac|containers?|selinux|apparmor|amsi|etw|hypervisors?|virtual machines?|mfa|two-factor)\b/,
    says: 'says that it defeats protection',
  },
  {
    pattern:
      /\b(?:privilege escalation|escalat(?:e|es|ing) privileges?|lateral movement|covert (?:channel|storage|timing)|arp (?:spoof|poison)|dns (?:tunnel|poison|rebinding)|man[ -]in[ -]the[ -]middle|process (?:hollowing|injection)|dll (?:injection|hijack|side-?loading)|pass[ -]the[ -](?:hash|ticket)|golden ticket|kerberoast|zero[ -]day|buffer overflow|heap spray|rop chain|fork bomb|denial[ -]of[ -]service|(?:d?dos|ddos) attack|(?:syn|udp|http|icmp) flood|slowloris|log4shell|sql injection (?:attack|payload)|prompt injection)\b/,
    says: 'names an attack as its purpose',
  },
  {
    pattern:
      /(?:\b|_)(?:attacks?|exploits?|exploiting|malicious|hijack(?:ing)?|brute ?force|bruteforce|poison(?:ing)?|spoof(?:ing)?|tamper(?:ing)?|backdoor|covert|timestomp(?:ing)?|path traversal|xxe|ssti|shellcode|gadget chain|privesc|mimikatz|dcsync|bloodhound|rop gadgets?|toctou)\b/,
    says: 'speaks the language of attacks',
  },
  {
    pattern:
      /\b(?:shell|command|sql|nosql|code|dll|template|process|expression language|object|ognl|ldap|xpath|xslt|header|log|crlf|thread|memory|kernel)[ -]injection\b|\binject(?:s|ing)? .{0,30}\b(?:code|process|dll|memory|thread)\b/,
    says: 'names an injection as its purpose',
  },
  {
    pattern:
      /\b(?:execut|run|evaluat)[a-z]{0,3} (?:arbitrary|any|malicious|unsafe) .{0,24}\b(?:command|code|script|shell|python|sql|expression)/,
    says: 'runs whatever it is given',
  },
  {
    pattern:
      /\b(?:decrypt|recover|extract|export|read|access|replicate|capture|collect)[a-z]{0,3}\b.{0,24}\b(?:saved passwords|sensitive files?|browser (?:history|autofill|cookies|passwords)|password (?:database|hashes|vault)|process memory|private certificates?|handshakes?|kerberos|ntds|active directory)\b/,
    says: 'says that it takes credentials',
  },
  {
    pattern:
      /\b(?:exhaust|flood|crash|corrupt|encrypt|wipe|destroy)(?:s|ing)?\b.{0,30}\b(?:resources?|quota|inodes?|memory|disks?|cpu|bandwidth|connections?|files for ransom|boot|backups?|firmware|evidence|traces|file contents|file ?systems?)\b/,
    says: 'says that it destroys or exhausts',
  },
  {
    pattern:
      /\b(?:hide|conceal|cover)(?:s|ing)?\b.{0,24}\b(?:activity|activities|traces?|tracks|process(?:es)?|presence|evidence|malware)\b/,
    says: 'says that it hides what it did',
  },
  {
    pattern:
      /\b(?:attacker|adversary|victim|target)(?:'s|-)?(?: |-)?(?:controlled|machine|system|server|host|domain|network|account)?\b.{0,40}\b(?:controlled|machine|server|compromis|endpoint|credentials|infrastructure)/,
    says: 'speaks of attacker and victim',
  },
];

/** Some tools say outright what they are for. */
export const harmfulPurpose: SurfaceRule = {
  id: 'surface/harmful-purpose',
  family: 'surface',
  target: 'tool',
  title: 'A tool describes itself as an attack',
  level: 'warning',
  confidence: 'medium',
  explanation:
    'The name or description says that the tool steals, attacks, hides or defeats protection. That may be right for a security tool; it should not be reachable by every agent. Restrict it with a tool policy.',
  cwe: [506],
  owasp: ['MCP05'],
  check: (tool) => matches(tool, PATTERNS, ['prose', 'name']),
  examples: {
    bad: [
      { description: 'Exfiltrate data through DNS queries' },
      { description: 'Dump credentials from LSASS memory' },
      { name: 'reverse_shell' },
    ],
    good: [
      { description: 'Scans a project for known vulnerabilities and reports them' },
      { description: 'Extracts text from a PDF file' },
    ],
  },
};
