/** What the test's name server uses of dns-packet, which ships no types. */
declare module 'dns-packet' {
  export interface Answer {
    type: 'PTR' | 'SRV' | 'TXT' | 'A';
    name: string;
    data: string | string[] | { port: number; target: string; priority: number; weight: number };
  }
  export interface Packet {
    id?: number;
    type?: 'query' | 'response';
    flags?: number;
    questions?: { type: string; name: string }[];
    answers?: Answer[];
  }
  export function decode(message: Uint8Array): Packet;
  export function encode(packet: Packet): Uint8Array;
}
