<#import "template.ftl" as layout>
<#import "fields.ftl" as fields>
<@layout.registrationLayout displayMessage=!messagesPerField.existsError("password") isOwn=true; section>
  <#if section = "header">
    ${msg("loginAccountTitle")}
  <#elseif section = "form">
      <form class="form" method="post" action="${url.loginAction}">
        <@fields.refusal "password" />
        <@fields.password autofocus=true />
        <@fields.forgotPassword />
        <div class="form__actions">
          <@fields.submit label=msg("doLogIn") />
        </div>
      </form>
  </#if>
</@layout.registrationLayout>
