import type { Draw } from "./draw.js";

/** Texts for columns by what they are called: the first that fits. */
const byName: readonly (readonly [RegExp, (draw: Draw) => string])[] = [
  [/^first_?name$/, ({ faker }) => faker.person.firstName()],
  [/^last_?name$|^surname$/, ({ faker }) => faker.person.lastName()],
  [/^(full|display|user|contact)_?name$/, ({ faker }) => faker.person.fullName()],
  [
    /e_?mail/,
    ({ faker, whole }) =>
      `${faker.person.firstName()}.${faker.person.lastName()}${whole(1, 999)}@example.com`
        .toLowerCase()
        .replaceAll(/[^a-z0-9.@]/g, ""),
  ],
  [
    /phone|mobile|fax/,
    ({ whole }) => `+1-${whole(201, 989)}-555-${String(whole(100, 199)).padStart(4, "0")}`,
  ],
  [
    /^(company|organi[sz]ation|account|customer|supplier|vendor)(_?name)?$/,
    ({ faker }) => faker.company.name(),
  ],
  [/linkedin/, ({ faker }) => `https://www.linkedin.com/in/${faker.lorem.slug(2)}`],
  [/twitter/, ({ faker }) => `@${faker.lorem.word()}${faker.lorem.word()}`],
  [
    /(avatar|image|photo|logo)(_?url)?$/,
    ({ faker }) => `https://images.example.com/${faker.lorem.slug(2)}.png`,
  ],
  [/url|website|link|homepage/, ({ faker }) => `https://${faker.lorem.slug(2)}.example.com`],
  [/^(address|street|address_line_1|address_street)$/, ({ faker }) => faker.location.streetAddress()],
  [/address_line_2/, ({ faker }) => faker.location.secondaryAddress()],
  [/city|town/, ({ faker }) => faker.location.city()],
  [/state|province|region/, ({ faker }) => faker.location.state({ abbreviated: true })],
  [/postal|zip/, ({ faker }) => faker.location.zipCode("#####")],
  [/country/, () => "USA"],
  [/currency/, () => "USD"],
  [
    /^(sku|code|.*_(code|number|no)|identifier|.*_identifier)$/,
    ({ faker }) => faker.string.alphanumeric({ length: 8, casing: "upper" }),
  ],
  [/department/, ({ faker }) => faker.commerce.department()],
  [/job|title|position/, ({ faker }) => faker.person.jobTitle()],
  [/gender/, ({ pick }) => pick(["female", "male", "nonbinary"])],
  [/colou?r/, ({ pick }) => pick(["blue", "green", "amber", "rose", "teal", "violet"])],
  [/product|item/, ({ faker }) => faker.commerce.productName()],
  [
    /description|notes?|comment|text|body|summary|reason|content|bio|background/,
    ({ faker }) => faker.company.catchPhrase(),
  ],
  [/subject|headline/, ({ faker }) => faker.company.buzzPhrase()],
  [/name/, ({ faker }) => faker.commerce.productName()],
];

/** A text that suits a column's name. */
export function textFor(column: string, draw: Draw): string {
  const name = column.toLowerCase();
  const [, make] = byName.find(([pattern]) => pattern.test(name)) ?? [];
  return make ? make(draw) : draw.faker.lorem.words({ min: 1, max: 4 });
}
