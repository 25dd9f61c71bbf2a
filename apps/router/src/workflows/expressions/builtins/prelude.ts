import { parseJq } from '../parser';
import type { JqNode } from '../syntax';

/** Functions that jq itself defines in jq; the definitions follow its manual. */
const SOURCE = `
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type == "array" or type == "object");
def scalars: select(type != "array" and type != "object");
def finites: select(isinfinite or isnan | not);
def normals: select(isnormal);
def map_values(f): .[] |= f;
def with_entries(f): to_entries | map(f) | from_entries;
def recurse(f; cond): recurse(f | select(cond));
def paths: path(..) | select(length > 0);
def paths(filter): . as $whole | paths | select(. as $p | $whole | getpath($p) | filter);
def leaf_paths: paths(scalars);
def del(f): delpaths([path(f)]);
def pick(f): . as $whole | reduce path(f) as $p (null; setpath($p; $whole | getpath($p)));
def add(f): reduce f as $x (null; . + $x);
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def any(f): any(.[]; f);
def all(f): all(.[]; f);
def combinations: if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $rest | [$x] + $rest end;
def combinations(n): . as $set | [range(n) | $set] | combinations;
def walk(f): def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f; w;
def first: .[0];
def last: .[-1];
def nth($n): .[$n];
def nth($n; f): if $n < 0 then error("nth doesn't support negative indices") else first(skip($n; f)) end;
def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
def todateiso8601: todate;
def fromdate: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def fromdateiso8601: fromdate;
def date: todate;
def dateadd(unit; n): . + n;
def datesub(unit; n): . - n;
def match(re; flags): _match(re; flags)[];
def match($v): if ($v | type) == "array" then match($v[0]; $v[1]) else match($v; null) end;
def test(re; flags): _match(re; flags; true);
def test($v): if ($v | type) == "array" then test($v[0]; $v[1]) else test($v; null) end;
def capture(re; flags): match(re; flags) | [.captures[] | select(.name != null) | {key: .name, value: .string}] | from_entries;
def capture($v): if ($v | type) == "array" then capture($v[0]; $v[1]) else capture($v; null) end;
def scan($re; $flags): match($re; "g" + $flags) | if (.captures | length) > 0 then [.captures[].string] else .string end;
def scan($re): scan($re; null);
def split($re; $flags): . as $text
  | [foreach (match($re; $flags + "g"), null) as $m ({next: 0};
      if $m == null then {start: .next, end: null} else {start: .next, end: $m.offset, next: ($m.offset + $m.length)} end;
      $text[.start:.end])];
def splits($re; $flags): split($re; $flags)[];
def splits($re): splits($re; null);
def sub($re; f): sub($re; f; "");
def gsub($re; f; $flags): sub($re; f; $flags + "g");
def gsub($re; f): sub($re; f; "g");
def ascii: [.] | implode;
def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f): {x: null, e: false} as $init | foreach f as $i ($init;
    if .e then $init else . end
    | if $i | length == 2 then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
      else setpath(["e"]; $i[0] | length == 1) end;
    if .e then .x else empty end);
def truncate_stream(f): . as $n | null | f | . as $event
  | if (.[0] | length) > $n then setpath([0]; $event[0][$n:]) else empty end;
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def JOIN($index; f): [.[] | [., $index[f]]];
def JOIN($index; stream; f): stream | [., $index[f]];
def JOIN($index; stream; f; join): stream | [., $index[f]] | join;
`;

export interface PreludeFunction {
  params: string[];
  body: JqNode;
}

/** Definitions by `name/arity`. */
export const PRELUDE: ReadonlyMap<string, PreludeFunction> = read();

function read(): Map<string, PreludeFunction> {
  const definitions = new Map<string, PreludeFunction>();
  let node = parseJq(`${SOURCE} .`);
  while (node.kind === 'define') {
    definitions.set(`${node.name}/${node.params.length}`, { params: node.params, body: node.body });
    node = node.rest;
  }
  return definitions;
}
