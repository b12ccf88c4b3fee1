/** A small validator of JSON Schema: the keywords that the schemas of docs use, and no other. */

/** A schema, or a rule in one. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** Where references lead: the schema that holds the rule, and further schemas by file name. */
export interface Schemas {
  readonly root: Schema;
  readonly files?: ReadonlyMap<string, Schema>;
  /** Collects each named property of a schema that a value had. */
  readonly seen?: Set<Schema>;
}

/** The first place that does not fit a schema; an unknown keyword is an error. */
export function misfit(value: unknown, rule: Schema, schemas: Schemas, at = ''): string | undefined {
  const { $ref, anyOf, type, properties, ...rest } = rule;
  if (typeof $ref === 'string') {
    const [file = '', name] = $ref.split('#/$defs/');
    const root = file === '' ? schemas.root : schemas.files?.get(file);
    const target = name === undefined ? root : (root?.$defs as Record<string, Schema> | undefined)?.[name];
    if (root === undefined || target === undefined) throw new Error(`there is no ${$ref}`);
    return misfit(value, target, { ...schemas, root }, at);
  }
  if (Array.isArray(anyOf)) {
    const misfits = anyOf.map((choice) => misfit(value, choice, schemas, at));
    return misfits.includes(undefined) ? undefined : `${at}: anyOf (${misfits.join('; ')})`;
  }
  const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const kinds = Number.isInteger(value) ? [kind, 'integer'] : [kind];
  if (type !== undefined && ![type].flat().some((allowed) => kinds.includes(String(allowed)))) return `${at}: ${kind}`;
  for (const [keyword, given] of Object.entries(rest)) {
    const isWrong = KEYWORDS[keyword]?.(value, given as never);
    if (KEYWORDS[keyword] === undefined) throw new Error(`the validator does not know ${keyword}`);
    if (isWrong === true) return `${at}: ${keyword}`;
  }
  if (kind === 'array') {
    if (rule.items === undefined) return undefined;
    return firstOf((value as unknown[]).map((item, i) => misfit(item, rule.items as Schema, schemas, `${at}[${i}]`)));
  }
  if (kind !== 'object') return undefined;
  const { additionalProperties, propertyNames } = rule;
  return firstOf(
    Object.entries(value as object).flatMap(([key, item]) => {
      const own = (properties as Record<string, Schema> | undefined)?.[key];
      if (own === undefined && additionalProperties === false) return [`${at}.${key}`];
      if (own !== undefined) schemas.seen?.add(own);
      const named =
        propertyNames === undefined ? undefined : misfit(key, propertyNames as Schema, schemas, `${at}.${key}`);
      const itemRule = own ?? additionalProperties;
      return [named, itemRule === undefined ? undefined : misfit(item, itemRule as Schema, schemas, `${at}.${key}`)];
    }),
  );
}

const KEYWORDS: Record<string, (value: unknown, given: never) => boolean> = {
  $schema: () => false,
  $defs: () => false,
  title: () => false,
  description: () => false,
  additionalProperties: () => false,
  propertyNames: () => false,
  items: () => false,
  const: (value, given) => value !== given,
  enum: (value, given) => !(given as unknown[]).includes(value),
  minLength: (value, given) => (value as string).length < given,
  pattern: (value, given) => typeof value === 'string' && !new RegExp(given).test(value),
  minItems: (value, given) => (value as unknown[]).length < given,
  maxItems: (value, given) => (value as unknown[]).length > given,
  uniqueItems: (value) => new Set(value as unknown[]).size !== (value as unknown[]).length,
  required: (value, given) => (given as string[]).some((key) => !Object.hasOwn(value as object, key)),
};

const firstOf = (found: readonly (string | undefined)[]) => found.find((place) => place !== undefined);
