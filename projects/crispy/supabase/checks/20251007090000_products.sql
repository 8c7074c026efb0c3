-- fixture: a product
insert into organizations (id, name, organization_type)
values (-1, 'Check Principal', 'principal'), (-2, 'Other Principal', 'principal');
insert into products (id, principal_id, name, sku, category) values (-1, -1, 'Check Soup', 'CS-1', 'canned_goods');

-- check: a product is active and priced each in dollars unless said otherwise
-- given: a product
-- expect: value USD each active
select concat_ws(' ', currency_code, unit_of_measure, status) from products where id = -1;

-- check: a principal has a sku once
-- given: a product
-- expect: error 23505
insert into products (principal_id, name, sku, category) values (-1, 'Check Stew', 'CS-1', 'canned_goods');

-- check: the sku of a deleted product is free again, and that of another principal always was
-- given: a product
-- expect: rows 2
update products set deleted_at = now() where id = -1;
insert into products (principal_id, name, sku, category)
values (-1, 'Check Stew', 'CS-1', 'canned_goods'), (-2, 'Check Stew', 'CS-1', 'canned_goods');

-- check: a product's category is one of nineteen
-- given: a product
-- expect: error 23514
update products set category = 'toys' where id = -1;

-- check: the nineteen categories are taken
-- given: a product
-- expect: rows 19
insert into products (principal_id, name, sku, category)
select -1, category, category, category
from unnest(array[
  'beverages', 'dairy', 'frozen', 'fresh_produce', 'meat_poultry', 'seafood', 'dry_goods', 'spices_seasonings',
  'baking_supplies', 'cleaning_supplies', 'paper_products', 'equipment', 'snacks', 'condiments', 'canned_goods',
  'pasta_grains', 'oils_vinegars', 'sweeteners', 'other'
]) category;

-- check: a currency is three capitals
-- given: a product
-- expect: error 23514
update products set currency_code = 'usd' where id = -1;

-- check: a product's status is one of five
-- given: a product
-- expect: error 23514
update products set status = 'gone' where id = -1;

-- check: a product is found by the words of what it is now
-- given: a product
-- expect: true
update products set ingredients = 'Tomatoes, basil' where id = -1;
select search_tsv @@ to_tsquery('english', 'soup & tomato') from products where id = -1;

-- check: a principal with products is kept
-- expect: value created_by r, principal_id r, updated_by n
select string_agg(format('%s %s', a.attname, k.confdeltype), ', ' order by a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid = 'products'::regclass;

-- check: the lists of products have their indexes
-- expect: no rows
select name
from unnest(array['products_principal_sku_uq', 'products_status_idx', 'products_search_idx']) name
where to_regclass(name) is null;
