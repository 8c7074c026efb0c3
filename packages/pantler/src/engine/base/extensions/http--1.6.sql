create domain http_method as text;

create type http_header as (
  field character varying,
  value character varying
);

create type http_response as (
  status integer,
  content_type character varying,
  headers @extschema@.http_header[],
  content character varying
);

create type http_request as (
  method @extschema@.http_method,
  uri character varying,
  headers @extschema@.http_header[],
  content_type character varying,
  content character varying
);

comment on type http_response is 'An answer of this stub of http always has the status 503';

create function http_header(field character varying, value character varying)
returns @extschema@.http_header
language sql
immutable
as $$
  select row(field, value)::@extschema@.http_header
$$;

-- An answer rather than an error: callers have a branch for a server that is down, and a migration that only warms a
-- cache goes on.
create function http(request @extschema@.http_request)
returns @extschema@.http_response
language sql
as $$
  select row(
    503,
    'application/json',
    array[row('X-Stub', 'http')::@extschema@.http_header],
    json_build_object(
      'error', 'this server has a stub of the extension http, which sends nothing',
      'remedy', 'point engine: { url } at a server that has http',
      'method', (http.request).method,
      'uri', (http.request).uri
    )::text
  )::@extschema@.http_response
$$;

comment on function http(http_request) is 'Stub: sends nothing and answers with status 503';

create function http_get(uri character varying)
returns @extschema@.http_response
language sql
as $$
  select @extschema@.http(row('GET', uri, null, null, null)::@extschema@.http_request)
$$;

create function http_get(uri character varying, data jsonb)
returns @extschema@.http_response
language sql
as $$
  select @extschema@.http(
    row('GET', uri || '?' || @extschema@.urlencode(data), null, null, null)::@extschema@.http_request
  )
$$;

create function http_head(uri character varying)
returns @extschema@.http_response
language sql
as $$
  select @extschema@.http(row('HEAD', uri, null, null, null)::@extschema@.http_request)
$$;

create function http_post(uri character varying, content character varying, content_type character varying)
returns @extschema@.http_response
language sql
as $$
  select @extschema@.http(row('POST', uri, null, content_type, content)::@extschema@.http_request)
$$;

create function http_post(uri character varying, data jsonb)
returns @extschema@.http_response
language sql
as $$
  select @extschema@.http_post(uri, @extschema@.urlencode(data), 'application/x-www-form-urlencoded')
$$;

create function http_put(uri character varying, content character varying, content_type character varying)
returns @extschema@.http_response
language sql
as $$
  select @extschema@.http(row('PUT', uri, null, content_type, content)::@extschema@.http_request)
$$;

create function http_patch(uri character varying, content character varying, content_type character varying)
returns @extschema@.http_response
language sql
as $$
  select @extschema@.http(row('PATCH', uri, null, content_type, content)::@extschema@.http_request)
$$;

create function http_delete(uri character varying)
returns @extschema@.http_response
language sql
as $$
  select @extschema@.http(row('DELETE', uri, null, null, null)::@extschema@.http_request)
$$;

create function http_delete(uri character varying, content character varying, content_type character varying)
returns @extschema@.http_response
language sql
as $$
  select @extschema@.http(row('DELETE', uri, null, content_type, content)::@extschema@.http_request)
$$;

create function http_set_curlopt(curlopt character varying, value character varying)
returns boolean
language sql
as $$
  select true
$$;

create function http_reset_curlopt()
returns boolean
language sql
as $$
  select true
$$;

create function http_list_curlopt()
returns table (curlopt text, value text)
language sql
as $$
  select null::text, null::text
  where false
$$;

comment on function http_set_curlopt(character varying, character varying) is 'Stub: nothing is sent, so nothing is set';

create function bytea_to_text(data bytea)
returns text
language sql
immutable
strict
as $$
  select convert_from(data, 'UTF8')
$$;

create function text_to_bytea(data text)
returns bytea
language sql
immutable
strict
as $$
  select convert_to(data, 'UTF8')
$$;

-- Letters, digits and - . _ ~ stand for themselves.
create function urlencode(data bytea)
returns text
language sql
immutable
strict
as $$
  select coalesce(
    string_agg(
      case
        when octet between 48 and 57
          or octet between 65 and 90
          or octet between 97 and 122
          or octet in (45, 46, 95, 126)
          then chr(octet)
        else '%' || upper(lpad(to_hex(octet), 2, '0'))
      end,
      ''
      order by position
    ),
    ''
  )
  from generate_series(0, length(data) - 1) as position
  cross join lateral (select get_byte(data, position) as octet) as octets
$$;

create function urlencode(string character varying)
returns text
language sql
immutable
strict
as $$
  select @extschema@.urlencode(convert_to(string, 'UTF8'))
$$;

create function urlencode(data jsonb)
returns text
language sql
immutable
strict
as $$
  select string_agg(
    @extschema@.urlencode(convert_to(pair.key, 'UTF8')) || '=' || @extschema@.urlencode(convert_to(pair.value, 'UTF8')),
    '&'
  )
  from jsonb_each_text(data) as pair
$$;
