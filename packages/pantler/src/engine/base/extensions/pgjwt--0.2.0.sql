create function url_encode(data bytea)
returns text
language sql
immutable
as $$
  select rtrim(translate(encode(data, 'base64'), E'+/\n', '-_'), '=')
$$;

create function url_decode(data text)
returns bytea
language sql
immutable
as $$
  select decode(rpad(translate(data, '-_', '+/'), (length(data) + 3) / 4 * 4, '='), 'base64')
$$;

create function algorithm_sign(signables text, secret text, algorithm text)
returns text
language plpgsql
immutable
as $$
declare
  digest constant text := case algorithm
    when 'HS256' then 'sha256'
    when 'HS384' then 'sha384'
    when 'HS512' then 'sha512'
  end;
begin
  if digest is null then
    raise exception 'cannot sign with the algorithm %: HS256, HS384 and HS512 are known', algorithm
      using errcode = 'invalid_parameter_value';
  end if;
  return @extschema@.url_encode(@extschema:pgcrypto@.hmac(signables, secret, digest));
end
$$;

create function sign(payload json, secret text, algorithm text default 'HS256')
returns text
language sql
immutable
as $$
  select signables || '.' || @extschema@.algorithm_sign(signables, secret, algorithm)
  from (
    select
      @extschema@.url_encode(convert_to(format('{"alg":"%s","typ":"JWT"}', algorithm), 'UTF8'))
      || '.'
      || @extschema@.url_encode(convert_to(payload::text, 'UTF8')) as signables
  ) as unsigned
$$;

create function try_cast_double(value text)
returns double precision
language plpgsql
immutable
as $$
begin
  return value::double precision;
exception
  when data_exception then
    return null;
end
$$;

-- A token counts from nbf up to, and not including, exp; one that lacks either is open at that end.
create function verify(token text, secret text, algorithm text default 'HS256')
returns table (header json, payload json, valid boolean)
language sql
stable
as $$
  select
    decoded.header,
    decoded.payload,
    decoded.is_signed and tstzrange(
      to_timestamp(@extschema@.try_cast_double(decoded.payload ->> 'nbf')),
      to_timestamp(@extschema@.try_cast_double(decoded.payload ->> 'exp'))
    ) @> current_timestamp
  from (
    select
      convert_from(@extschema@.url_decode(parts[1]), 'UTF8')::json as header,
      convert_from(@extschema@.url_decode(parts[2]), 'UTF8')::json as payload,
      parts[3] = @extschema@.algorithm_sign(parts[1] || '.' || parts[2], secret, algorithm) as is_signed
    from string_to_array(token, '.') as parts
  ) as decoded
$$;

comment on function sign(json, text, text) is 'Stub of pgjwt with a body of its own: the signature is real';
comment on function verify(text, text, text) is 'Stub of pgjwt with a body of its own: the verification is real';
