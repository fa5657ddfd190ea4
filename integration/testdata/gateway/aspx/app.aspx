<%@ Page Language="C#" EnableSessionState="false" EnableViewState="false" %>
<script runat="server">
// The application of the gateway suite for ASP.NET; ?do= says what is asked for.
protected override void Render(HtmlTextWriter w)
{
    Response.ContentType = "text/plain";
    switch (Request.QueryString["do"]) {
    case "env":
        foreach (string name in new string[] { "REQUEST_METHOD", "QUERY_STRING", "SCRIPT_NAME", "PATH_INFO", "REMOTE_ADDR", "SERVER_PROTOCOL", "SERVER_NAME" })
            Line(w, name, Request.ServerVariables[name]);
        Line(w, "HTTP_X_PROBE", Request.Headers["X-Probe"]);
        Line(w, "REQUEST_URI", Request.RawUrl);
        Line(w, "Request.FilePath", Request.FilePath);
        Line(w, "Request.PathInfo", Request.PathInfo);
        Line(w, "Request.ApplicationPath", Request.ApplicationPath);
        Line(w, "Request.UserHostAddress", Request.UserHostAddress);
        break;
    case "echo":
        w.Write("echo " + Request.QueryString["id"]);
        break;
    case "form":
        w.Write("name=" + Request.Form["name"]);
        break;
    case "body":
        byte[] body = Request.BinaryRead(Request.ContentLength);
        byte[] sum = System.Security.Cryptography.SHA256.Create().ComputeHash(body);
        w.Write(body.Length + " " + BitConverter.ToString(sum).Replace("-", "").ToLower());
        break;
    case "big":
        for (int i = 0; i < 131072; i++)
            w.Write(i.ToString("D7") + "\n");
        break;
    case "status":
        Response.StatusCode = 418;
        w.Write("tea");
        break;
    case "redirect":
        Response.StatusCode = 303;
        Response.RedirectLocation = "https://other.test/there?x=1";
        w.Write("moved");
        break;
    case "cookies":
        Response.AppendHeader("Set-Cookie", "a=1; Path=/");
        Response.AppendHeader("Set-Cookie", "b=2; Path=/; HttpOnly");
        w.Write("baked");
        break;
    }
}

void Line(HtmlTextWriter w, string name, string value)
{
    w.Write(name + "=" + (value ?? "(none)") + "\n");
}
</script>
