# The application of the gateway suite for ruby-fcgi, in four processes on the
# socket it is given; ?do= says what is asked for.
require 'digest'
require 'fcgi'
require 'socket'
require 'uri'

# The library takes descriptor 0 for its listening socket.
path = ARGV.fetch(0)
File.delete(path) if File.socket?(path)
STDIN.reopen(UNIXServer.new(path))
3.times { break unless fork }

NAMES = %w[REQUEST_METHOD QUERY_STRING SCRIPT_NAME PATH_INFO REQUEST_URI REMOTE_ADDR SERVER_PROTOCOL SERVER_NAME HTTP_X_PROBE].freeze

def answer(env, body, query)
  case query['do']
  when 'env' then [{}, NAMES.map { |name| "#{name}=#{env[name] || '(none)'}\n" }.join]
  when 'echo' then [{}, "echo #{query['id']}"]
  when 'form' then [{}, "name=#{URI.decode_www_form(body).to_h['name']}"]
  when 'body' then [{}, "#{body.bytesize} #{Digest::SHA256.hexdigest(body)}"]
  when 'big' then [{}, (0...131_072).map { |i| format("%07d\n", i) }.join]
  when 'status' then [{ 'Status' => ["418 I'm a teapot"] }, 'tea']
  when 'redirect' then [{ 'Status' => ['303 See Other'], 'Location' => ['https://other.test/there?x=1'] }, 'moved']
  when 'cookies' then [{ 'Set-Cookie' => ['a=1; Path=/', 'b=2; Path=/; HttpOnly'] }, 'baked']
  else [{}, '']
  end
end

def serve
  FCGI.each do |request|
    query = URI.decode_www_form(request.env['QUERY_STRING'] || '').to_h
    head, text = answer(request.env, request.in.read || '', query)
    head.each { |name, values| values.each { |value| request.out.print("#{name}: #{value}\r\n") } }
    request.out.print("Content-Type: text/plain\r\n\r\n", text)
    request.finish
  end
end

# Where its native part does not load (Debian 12), fcgi.rb raises a RuntimeError
# for a connection that is closed before a request has come, and closes its
# socket: it gets a copy of it each time.
listener = STDIN.dup
begin
  STDIN.reopen(listener)
  serve
rescue RuntimeError => e
  warn e.message
  retry
end
