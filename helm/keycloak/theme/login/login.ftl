<#import "template.ftl" as layout>
<#import "fields.ftl" as fields>
<#import "passkeys.ftl" as passkeys>
<#assign isRefused = messagesPerField.existsError("username", "password")>
<@layout.registrationLayout displayMessage=!isRefused displayInfo=(realm.password && realm.registrationAllowed && !registrationDisabled??) isOwn=!(enableWebAuthnConditionalUI?has_content); section>
  <#if section = "header">
    ${msg("loginAccountTitle")}
  <#elseif section = "form">
      <#if realm.password>
      <form class="form" method="post" action="${url.loginAction}">
        <@fields.refusal "username", "password" />
        <#-- Whoever was refused goes on with the password; the name is there already. -->
        <#assign isNameKnown = usernameHidden?? || (login.username)?has_content>
        <#if !usernameHidden??>
        <@fields.username autofocus=!isNameKnown />
        </#if>
        <@fields.password autofocus=isNameKnown />
        <@fields.rememberMe />
        <@fields.forgotPassword />
        <#if (auth.selectedCredential)?has_content>
        <input type="hidden" name="credentialId" value="${auth.selectedCredential}">
        </#if>
        <div class="form__actions">
          <@fields.submit label=msg("doLogIn") />
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
