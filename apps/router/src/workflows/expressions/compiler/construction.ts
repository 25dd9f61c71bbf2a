import type { Json, JsonObject } from '../../definition/json';
import { type Code, generator, located, single, valuesOf } from './code';
import { formatText } from '../formats';
import { type Budget, fault, setProperty, shown, toText } from '../values';

/** `[body]`. */
export function arrayCode(body: Code | undefined): Code {
  if (!body) return single(() => []);
  return single((context, env, input) => {
    const items: Json[] = [];
    body.run(context, env, input, null, (value) => {
      context.budget.build(1);
      items.push(value);
    });
    return items;
  });
}

/** `{key: value, …}`: an object for every combination of their outputs. */
export function objectCode(entries: { key: Code; value: Code; at: number }[]): Code {
  const put = (object: JsonObject, key: Json, value: Json, at: number): void => {
    if (typeof key !== 'string') throw located(fault(`Object keys must be strings, not ${shown(key)}`), at);
    setProperty(object, key, value);
  };
  const ones = entries.map(({ key, value, at }) =>
    key.one && value.one ? { key: key.one, value: value.one, at } : undefined,
  );
  if (ones.every((entry) => entry !== undefined))
    return single((context, env, input) => {
      context.budget.build(ones.length);
      const object: JsonObject = {};
      for (const { key, value, at } of ones) put(object, key(context, env, input), value(context, env, input), at);
      return object;
    });
  return generator((context, env, input, emit) => {
    const extend = (index: number, pairs: [Json, Json, number][]): void => {
      const entry = entries[index];
      if (!entry) {
        context.budget.build(entries.length);
        const object: JsonObject = {};
        for (const [key, value, at] of pairs) put(object, key, value, at);
        emit(object);
        return;
      }
      valuesOf(entry.key, context, env, input, (key) =>
        valuesOf(entry.value, context, env, input, (value) => extend(index + 1, [...pairs, [key, value, entry.at]])),
      );
    };
    extend(0, []);
  });
}

function formatAt(name: string, value: Json, budget: Budget, at: number): string {
  try {
    return formatText(name, value, budget);
  } catch (error) {
    throw located(error, at);
  }
}

/** `@name`: the input in that format. */
export function formatCode(name: string, at: number): Code {
  return single((context, _env, input) => formatAt(name, input, context.budget, at));
}

/** A text with expressions in it, whose outputs are shown in a format (`text` without one). */
export function textCode(parts: (string | Code)[], format: string, at: number): Code {
  const render = (value: Json, budget: Budget): string => {
    return format === 'text' ? toText(value, budget) : formatAt(format, value, budget, at);
  };
  const ones = parts.map((part) => (typeof part === 'string' ? part : part.one));
  if (ones.every((part) => part !== undefined))
    return single((context, env, input) => {
      let text = '';
      for (const part of ones)
        text += typeof part === 'string' ? part : render(part(context, env, input), context.budget);
      context.budget.build(text.length);
      return text;
    });
  return generator((context, env, input, emit) => {
    // The last interpolation varies slowest, as in jq.
    const extend = (index: number, tail: string): void => {
      const part = parts[index];
      context.budget.build(tail.length);
      if (part === undefined) emit(tail);
      else if (typeof part === 'string') extend(index - 1, part + tail);
      else valuesOf(part, context, env, input, (value) => extend(index - 1, render(value, context.budget) + tail));
    };
    extend(parts.length - 1, '');
  });
}
