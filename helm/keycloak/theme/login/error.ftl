<#import "template.ftl" as layout>
<@layout.registrationLayout displayMessage=false isOwn=true; section>
  <#if section = "header">
    ${kcSanitize(msg("errorTitle"))?no_esc}
  <#elseif section = "form">
      <p class="sign-in__text" role="alert">${kcSanitize(message.summary)?no_esc}</p>
      <#if traceId??>
      <p class="sign-in__note">${msg("traceIdSupportMessage", traceId)}</p>
      </#if>
      <#if !skipLink??>
      <p class="form__actions">
        <a class="btn btn--primary" href="${(client.baseUrl)!'/'}"><span class="btn__label">${msg("backToApplication")}</span></a>
      </p>
      </#if>
  </#if>
</@layout.registrationLayout>
