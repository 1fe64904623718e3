<#import "template.ftl" as layout>
<#import "fields.ftl" as fields>
<@layout.registrationLayout displayMessage=!messagesPerField.existsError("password", "password-confirm") isOwn=true; section>
  <#if section = "header">
    ${msg("updatePasswordTitle")}
  <#elseif section = "form">
      <form class="form" method="post" action="${url.loginAction}">
        <@fields.refusal "password", "password-confirm" />
        <#if username?has_content>
        <#-- For password managers: whose password this is. -->
        <input class="visually-hidden" type="text" value="${username}" autocomplete="username" aria-hidden="true" tabindex="-1" readonly>
        </#if>
        <@fields.password name="password-new" label=msg("passwordNew") autocomplete="new-password" autofocus=true />
        <@fields.password name="password-confirm" label=msg("passwordConfirm") autocomplete="new-password" />
        <label><input type="checkbox" name="logout-sessions" value="on" checked> ${msg("logoutOtherSessions")}</label>
        <div class="form__actions">
          <@fields.submit label=msg("doSubmit") />
          <#if isAppInitiatedAction??>
          <button class="btn btn--quiet" type="submit" name="cancel-aia" value="true" formnovalidate><span class="btn__label">${msg("doCancel")}</span></button>
          </#if>
        </div>
      </form>
  </#if>
</@layout.registrationLayout>
