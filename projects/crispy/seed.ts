import { defineSeed, type RowContext } from "pantler";

const segments = [
  ...["Bar/Lounge", "Breakfast/Brunch", "Business and Industry", "Casual Dining", "Catering"],
  ...["Chain/Group", "Country Clubs/Golf/Health Fitness", "Distributor", "Education", "Entertainment"],
  ...["Ethnic Cuisine", "Fast food", "Fine Dining", "Food Truck", "Gastropub", "Healthcare", "Hospitality"],
  ...["Industrial", "Italian", "Management Company", "Meal Prep Service", "Military/Government", "Pizza"],
  ...["Retail", "Travel", "Unknown", "Vegan/Vegetarian", "Vending"],
];

const tags = [
  ...["key account", "new menu", "seasonal", "price sensitive", "organic", "gluten free", "vegan"],
  ...["sample sent", "trade show lead", "referral", "multi-unit", "chef-driven", "contract", "reorder"],
  ...["slow payer", "expansion", "competitor account", "training", "holiday program", "local sourcing"],
];

/** The same names as in supabase/seed.sql. */
const principals = [
  ...["Larkfield Cheese Works", "Copper Kettle Sauces", "Northmere Fries", "Tansy Hill Bakery"],
  ...["Blue Quay Seafood", "Oat & Anvil Dairy", "Redbarrow Meats", "Sunmill Pasta"],
  ...["Juniper Row Beverages", "Harrow Spice Trading", "Millpond Frozen Fruit", "Saltgrass Snacks"],
  ...["Fernleigh Soups", "Pepperline Produce", "Kestrel Coffee Roasters", "Mapleford Desserts"],
];

/** How far the pipeline is filled: many leads, fewer at each stage, and what was closed. */
const funnel = [
  { value: "new_lead", weight: 22, probability: 10 },
  { value: "initial_outreach", weight: 18, probability: 20 },
  { value: "sample_visit_offered", weight: 14, probability: 30 },
  { value: "awaiting_response", weight: 10, probability: 25 },
  { value: "feedback_logged", weight: 8, probability: 50 },
  { value: "demo_scheduled", weight: 6, probability: 70 },
  { value: "closed_won", weight: 12, probability: 100 },
  { value: "closed_lost", weight: 10, probability: 0 },
];

const isClosed = ({ row }: RowContext) => row.stage === "closed_won" || row.stage === "closed_lost";
const isPrincipal = ({ user, index }: RowContext) => user?.role === "admin" && index < principals.length;
const lossReasons = ["price_too_high", "competitor_relationship", "product_fit", "timing", "no_response"];
const winReasons = ["relationship", "product_quality", "price_competitive", "timing"];

/** A moment between two days, counted from the one that dates are relative to. */
const between = ({ faker, days }: RowContext, first: number, last: number) =>
  days(faker.number.float({ min: first, max: last }));
const dateBetween = (context: RowContext, first: number, last: number) =>
  between(context, first, last).toISOString().slice(0, 10);

/** The record was made so long ago that what hangs on it can have happened since. */
const since = {
  created_at: (c: RowContext) => between(c, -400, -270),
  updated_at: (c: RowContext) => c.row.created_at,
};

export default defineSeed({
  now: "2026-11-02T12:00:00Z",
  // The admin of supabase/seed.sql makes room: test users take the place of that base, and its principals go to
  // the admin among them.
  before: `
    do $$
    declare
      base bigint;
      successor bigint;
    begin
      select s.id into base from public.sales s where s.email = 'admin@test.com';
      select s.id into successor
      from public.sales s
      join auth.users u on u.id = s.user_id
      where u.raw_user_meta_data ->> 'role' = 'admin' and s.id is distinct from base
      order by s.id
      limit 1;
      if base is null or successor is null then
        return;
      end if;
      update public.organizations o set sales_id = successor where o.sales_id = base;
      begin
        delete from public.sales s where s.id = base;
        delete from auth.users u where u.email = 'admin@test.com';
      exception when foreign_key_violation or restrict_violation then
        -- Somebody has worked as that admin; what they made stays theirs.
        null;
      end;
    end
    $$`,
  tables: {
    sales: {
      rows: { admin: 1, sales_director: 1, account_manager: 1 },
      owner: "user_id",
      key: ["user_id"],
      columns: {
        first_name: ({ user }) => user?.name.split(" ")[0] ?? "Test",
        last_name: ({ user }) => user?.name.split(" ").slice(1).join(" ") || "User",
        email: ({ user }) => user?.email,
        role: ({ user }) => user?.role,
        disabled: false,
        deleted_at: null,
      },
    },
    segments: { rows: segments.map((name) => ({ name })), key: ["name"] },
    tags: {
      rows: tags.map((name) => ({ name })),
      key: ["name"],
      columns: {
        color: ({ faker }) =>
          faker.helpers.arrayElement(["blue-500", "green-500", "amber-500", "rose-500", "violet-500"]),
      },
    },
    organizations: {
      rows: { admin: 50, sales_director: 30, account_manager: 20 },
      growth: 1.1,
      owner: "sales_id",
      columns: {
        ...since,
        name: (c) => (isPrincipal(c) ? principals[c.index] : c.faker.company.name()),
        organization_type: (c) =>
          isPrincipal(c)
            ? "principal"
            : c.faker.helpers.weightedArrayElement([
                { value: "customer", weight: 5 },
                { value: "prospect", weight: 4 },
                { value: "distributor", weight: 2 },
                { value: "partner", weight: 1 },
              ]),
        priority: (c) => (isPrincipal(c) ? "A" : c.faker.helpers.arrayElement(["A", "B", "C", "D"])),
        segment_id: (c) => c.any("segments", isPrincipal(c) ? { name: "Industrial" } : undefined)?.id,
        parent_organization_id: null,
        annual_revenue: ({ faker }) => faker.number.int({ min: 1, max: 400 }) * 50_000,
        employee_count: ({ faker }) => faker.number.int({ min: 4, max: 900 }),
        founded_year: ({ faker }) => faker.number.int({ min: 1948, max: 2023 }),
        tax_identifier: null,
        context_links: null,
        import_session_id: null,
        created_by: ({ row }) => row.sales_id,
        updated_by: null,
        deleted_at: null,
      },
    },
    contacts: {
      rows: { admin: 100, sales_director: 60, account_manager: 40 },
      owner: "sales_id",
      columns: {
        organization_id: ({ own }) => own("organizations")?.id,
        created_at: (c) => between(c, -260, -220),
        updated_at: ({ row }) => row.created_at,
        first_seen: ({ row }) => row.created_at,
        last_seen: (c) => between(c, -1, -0.1),
        email: ({ row, faker }) => [
          {
            email: `${faker.helpers.slugify(`${row.first_name}.${row.last_name}`).toLowerCase()}@example.com`,
            type: "Work",
          },
        ],
        phone: ({ faker }) => [
          { number: `+1-555-${faker.string.numeric(3)}-${faker.string.numeric(4)}`, type: "Work" },
        ],
        status: ({ faker }) => faker.helpers.arrayElement(["cold", "warm", "hot", "in-contract"]),
        tags: (c) =>
          c.faker.helpers.uniqueArray(() => c.any("tags")?.id, c.faker.number.int({ min: 0, max: 3 })),
        created_by: ({ row }) => row.sales_id,
        updated_by: null,
        deleted_at: null,
      },
    },
    contactNotes: {
      rows: { admin: 75, sales_director: 45, account_manager: 30 },
      owner: "sales_id",
      columns: {
        contact_id: ({ own }) => own("contacts")?.id,
        text: ({ faker }) => `${faker.company.catchPhrase()}. ${faker.company.buzzPhrase()}.`,
        // Before the contact was last seen: a later note would move that.
        date: (c) => between(c, -200, -2),
        created_at: ({ row }) => row.date,
        updated_at: ({ row }) => row.date,
        status: null,
        attachments: null,
        updated_by: null,
        deleted_at: null,
      },
    },
    products: {
      rows: { admin: 100 },
      growth: 1.1,
      owner: "created_by",
      columns: {
        ...since,
        principal_id: ({ any }) => any("organizations", { organization_type: "principal" })?.id,
        name: ({ faker }) => `${faker.food.adjective()} ${faker.food.ingredient()}`,
        sku: ({ faker, index }) => `${faker.string.alpha({ length: 3, casing: "upper" })}-${10_000 + index}`,
        list_price: ({ faker }) => faker.number.float({ min: 4, max: 180, fractionDigits: 2 }),
        unit_of_measure: ({ faker }) => faker.helpers.arrayElement(["each", "case", "lb", "gal"]),
        certifications: null,
        allergens: ({ faker }) =>
          faker.helpers.arrayElements(["milk", "wheat", "soy", "nuts"], { min: 0, max: 2 }),
        ingredients: ({ faker }) =>
          faker.helpers.multiple(() => faker.food.ingredient(), { count: 3 }).join(", "),
        nutritional_info: null,
        updated_by: null,
        deleted_at: null,
      },
    },
    opportunities: {
      rows: { admin: 75, sales_director: 40, account_manager: 25 },
      owner: "opportunity_owner_id",
      columns: {
        created_at: (c) => between(c, -210, -125),
        updated_at: ({ row }) => row.created_at,
        customer_organization_id: (c) =>
          (c.own("organizations", { organization_type: "customer" }) ?? c.own("organizations"))?.id,
        principal_organization_id: ({ any }) => any("organizations", { organization_type: "principal" })?.id,
        distributor_organization_id: ({ own }) =>
          own("organizations", { organization_type: "distributor" })?.id,
        account_manager_id: ({ row }) => row.opportunity_owner_id,
        contact_ids: (c) =>
          [...new Set([c.own("contacts", { organization_id: c.row.customer_organization_id })?.id])].filter(
            (id) => id !== undefined,
          ),
        name: (c) => `${c.parent("customer_organization_id")?.name}: ${c.faker.commerce.product()}`,
        stage: ({ faker }) => faker.helpers.weightedArrayElement(funnel),
        probability: ({ row }) => funnel.find(({ value }) => value === row.stage)?.probability,
        status: (c) =>
          isClosed(c)
            ? "active"
            : c.faker.helpers.arrayElement(["active", "active", "active", "nurturing", "on_hold", "stalled"]),
        amount: ({ faker }) => faker.number.int({ min: 8, max: 900 }) * 100,
        estimated_close_date: (c) => (isClosed(c) ? dateBetween(c, -120, -5) : dateBetween(c, 7, 190)),
        actual_close_date: (c) => (isClosed(c) ? dateBetween(c, -120, -1) : null),
        win_reason: ({ row, faker }) =>
          row.stage === "closed_won" ? faker.helpers.arrayElement(winReasons) : null,
        loss_reason: ({ row, faker }) =>
          row.stage === "closed_lost" ? faker.helpers.arrayElement(lossReasons) : null,
        next_action: (c) =>
          isClosed(c)
            ? null
            : c.faker.helpers.arrayElement(["Send samples", "Call the chef", "Quote for a case", "Visit"]),
        next_action_date: (c) => (c.row.next_action === null ? null : dateBetween(c, 1, 40)),
        competition: null,
        tags: [],
        index: ({ index }) => index,
        stage_manual: false,
        status_manual: false,
        created_by: ({ row }) => row.opportunity_owner_id,
        updated_by: null,
        deleted_at: null,
      },
    },
    activities: {
      rows: { admin: 200, sales_director: 120, account_manager: 80 },
      owner: "created_by",
      columns: {
        activity_type: ({ faker }) =>
          faker.helpers.arrayElement(["interaction", "interaction", "engagement"]),
        opportunity_id: (c) => (c.row.activity_type === "interaction" ? c.own("opportunities")?.id : null),
        organization_id: (c) =>
          c.parent("opportunity_id")?.customer_organization_id ?? c.own("organizations")?.id,
        contact_id: (c) => c.own("contacts", { organization_id: c.row.organization_id })?.id,
        subject: (c) =>
          `${String(c.row.type).replaceAll("_", " ")} about ${c.faker.commerce.product().toLowerCase()}`,
        activity_date: (c) => between(c, -120, -1),
        created_at: ({ row }) => row.activity_date,
        updated_at: ({ row }) => row.activity_date,
        duration_minutes: ({ faker }) => faker.helpers.arrayElement([10, 15, 30, 45, 60, 90]),
        follow_up_required: ({ faker }) => faker.datatype.boolean(0.3),
        follow_up_date: (c) => (c.row.follow_up_required ? dateBetween(c, 1, 30) : null),
        follow_up_notes: null,
        location: null,
        attendees: null,
        attachments: null,
        tags: null,
        deleted_at: null,
      },
    },
    tasks: {
      rows: { admin: 38, sales_director: 22, account_manager: 15 },
      growth: 1.5,
      owner: "sales_id",
      columns: {
        contact_id: ({ own }) => own("contacts")?.id,
        opportunity_id: ({ own, faker }) => (faker.datatype.boolean() ? own("opportunities")?.id : null),
        title: (c) =>
          `${c.row.type === "None" ? "Prepare" : c.row.type}: ${c.faker.commerce.product().toLowerCase()}`,
        priority: ({ faker }) => faker.helpers.arrayElement(["low", "medium", "high", "critical"]),
        completed: ({ faker }) => faker.datatype.boolean(0.4),
        due_date: (c) => (c.row.completed ? dateBetween(c, -60, -2) : dateBetween(c, 1, 60)),
        reminder_date: ({ row }) => row.due_date,
        completed_at: (c) => (c.row.completed ? between(c, -60, -1) : null),
        created_at: (c) => between(c, -90, -61),
        updated_at: ({ row }) => row.created_at,
        deleted_at: null,
      },
    },
    deals: {
      rows: { admin: 7, sales_director: 4, account_manager: 3 },
      growth: 8,
      owner: "sales_id",
      columns: {
        ...since,
        organization_id: ({ own }) => own("organizations")?.id,
        contact_ids: [],
        name: ({ faker }) =>
          `${faker.commerce.productAdjective()} ${faker.commerce.product().toLowerCase()} program`,
        category: ({ faker }) => faker.helpers.arrayElement(["new_business", "renewal", "upsell"]),
        amount: ({ faker }) => faker.number.int({ min: 5, max: 900 }) * 100,
        expected_closing_date: (c) =>
          c.row.stage === "won" || c.row.stage === "lost" ? dateBetween(c, -120, -1) : dateBetween(c, 7, 190),
        index: ({ index }) => index % 1000,
        archived_at: null,
        deleted_at: null,
      },
    },
    dealNotes: {
      rows: { admin: 7, sales_director: 4, account_manager: 3 },
      growth: 8,
      owner: "sales_id",
      columns: {
        deal_id: ({ own }) => own("deals")?.id,
        type: null,
        text: ({ faker }) => `${faker.company.catchPhrase()}.`,
        date: (c) => between(c, -100, -1),
        created_at: ({ row }) => row.date,
        updated_at: ({ row }) => row.date,
        attachments: null,
        deleted_at: null,
      },
    },
    test_user_metadata: {
      rows: { admin: 1, sales_director: 1, account_manager: 1 },
      owner: "user_id",
      key: ["user_id"],
      columns: {
        role: ({ user }) => user?.role,
        created_by: "automated_script",
        last_sync_at: null,
        test_data_counts: ({ count }) => ({
          contacts: count("contacts"),
          organizations: count("organizations"),
          opportunities: count("opportunities"),
          activities: count("activities"),
          tasks: count("tasks"),
          notes: count("contactNotes"),
        }),
      },
    },
  },
});
