<#import "template.ftl" as layout>
<#import "fields.ftl" as fields>
<@layout.registrationLayout displayMessage=!messagesPerField.existsError("password", "password-confirm") && (message.type)! != "warning" isOwn=true; section>
  <#if section = "header">
    ${msg("updatePasswordTitle")}
  <#elseif section = "form">
      <#if (message.type)! == "warning" && !isAppInitiatedAction??>
      <p class="sign-in__text">${kcSanitize(message.summary)?no_esc}</p>
      </#if>
      <form class="form" method="post" action="${url.loginAction}">
        <@fields.refusal "password", "password-confirm" />
        <#if username?has_content>
        <div class="form__field">
          <label for="username">${msg("username")}</label>
          <input id="username" name="username" type="text" value="${username}" autocomplete="username" readonly>
        </div>
        </#if>
        <@fields.password name="password-new" label=msg("passwordNew") autocomplete="new-password" autofocus=true hint=(passwordPolicies.length)?has_content?then(msg("passwordRule", passwordPolicies.length), "") />
        <@fields.password name="password-confirm" label=msg("passwordConfirm") autocomplete="new-password" />
        <label><input type="checkbox" name="logout-sessions" value="on" checked> ${msg("logoutOtherSessions")}</label>
        <div class="form__actions">
          <@fields.submit label=msg("savePassword") />
          <#if isAppInitiatedAction??>
          <button class="btn btn--quiet" type="submit" name="cancel-aia" value="true" formnovalidate><span class="btn__label">${msg("doCancel")}</span></button>
          </#if>
        </div>
      </form>
  </#if>
</@layout.registrationLayout>
