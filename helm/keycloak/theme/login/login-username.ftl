<#import "template.ftl" as layout>
<#import "fields.ftl" as fields>
<#import "passkeys.ftl" as passkeys>
<@layout.registrationLayout displayMessage=!messagesPerField.existsError("username") displayInfo=(realm.password && realm.registrationAllowed && !registrationDisabled??) isOwn=!(enableWebAuthnConditionalUI?has_content); section>
  <#if section = "header">
    ${msg("loginAccountTitle")}
  <#elseif section = "form">
      <#if realm.password>
      <form class="form" method="post" action="${url.loginAction}">
        <@fields.refusal "username" />
        <#if !usernameHidden??>
        <@fields.username />
        </#if>
        <@fields.rememberMe />
        <div class="form__actions">
          <@fields.submit label=msg("doContinue") />
        </div>
      </form>
      <@passkeys.conditionalUIData />
      </#if>
  <#elseif section = "info">
    <@fields.registration />
  <#elseif section = "socialProviders">
    <@fields.otherProviders />
  </#if>
</@layout.registrationLayout>
